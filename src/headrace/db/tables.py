"""The database tables. Times are UTC; ids are UUIDs."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)

from headrace.db.utc_datetime import UtcDateTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _owner(*, index: bool = True) -> Column[Any]:
    return Column("user_id", Uuid, ForeignKey("user.id", ondelete="CASCADE"), nullable=False, index=index)


users = Table(
    "user",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("username", String(255), nullable=False, unique=True),
    Column("password", String(255), nullable=False),
    Column("profile_image", String(1024)),
    Column("store_api_key", Text),
    Column("is_active", Boolean, nullable=False),
    Column("is_superuser", Boolean, nullable=False),
    Column("optins", JSON),
    Column("create_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("last_login_at", UtcDateTime),
    #: Raised to end all login sessions of the user.
    Column("token_epoch", Integer, nullable=False, server_default="0"),
)

#: Logins whose tokens are valid. A session has ended if its row is missing or its epoch is not that of its user.
login_sessions = Table(
    "login_session",
    metadata,
    Column("id", Uuid, primary_key=True),
    _owner(index=False),
    Column("epoch", Integer, nullable=False),
    #: The number of the refresh token that is valid now. Each refresh raises it.
    Column("generation", Integer, nullable=False),
    Column("rotated_at", UtcDateTime, nullable=False),
    #: The time at which the user entered the password; None for auto login.
    Column("password_at", UtcDateTime),
    Column("expires_at", UtcDateTime, nullable=False),
    Index(None, "user_id", "expires_at"),
)

api_keys = Table(
    "apikey",
    metadata,
    Column("id", Uuid, primary_key=True),
    _owner(),
    Column("name", String(255)),
    Column("prefix", String(16), nullable=False),
    Column("digest", String(64), nullable=False, unique=True),
    Column("is_active", Boolean, nullable=False),
    Column("total_uses", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("last_used_at", UtcDateTime),
    Column("expires_at", UtcDateTime),
)

projects = Table(
    "folder",
    metadata,
    Column("id", Uuid, primary_key=True),
    _owner(),
    Column("name", String(255), nullable=False),
    Column("description", Text),
    Column("parent_id", Uuid, ForeignKey("folder.id", ondelete="SET NULL")),
    Column("auth_settings", JSON),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("user_id", "name"),
)

flows = Table(
    "flow",
    metadata,
    Column("id", Uuid, primary_key=True),
    _owner(),
    Column("folder_id", Uuid, ForeignKey("folder.id", ondelete="CASCADE"), index=True),
    Column("name", String(1024), nullable=False),
    Column("description", Text),
    Column("icon", String(1024)),
    Column("icon_bg_color", String(32)),
    Column("gradient", String(1024)),
    Column("data", JSON),
    Column("is_component", Boolean, nullable=False),
    Column("webhook", Boolean, nullable=False),
    Column("endpoint_name", String(1024)),
    Column("tags", JSON),
    Column("locked", Boolean, nullable=False),
    Column("mcp_enabled", Boolean, nullable=False),
    Column("action_name", String(1024)),
    Column("action_description", Text),
    Column("access_type", String(16), nullable=False),
    Column("fs_path", String(1024)),
    Column("version", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    UniqueConstraint("user_id", "name"),
    UniqueConstraint("user_id", "endpoint_name"),
)

#: The files on disk that flows are written to, and read back from when they change.
linked_files = Table(
    "linked_file",
    metadata,
    Column("flow_id", Uuid, ForeignKey("flow.id", ondelete="CASCADE"), primary_key=True),
    _owner(index=False),
    #: The path in the user's folder, which is also the flow's `fs_path`.
    Column("path", String(1024), nullable=False),
    #: SHA-256 of the content that the flow was last written with or read from, and the time of the file's change then.
    Column("digest", String(64), nullable=False),
    Column("changed_ns", BigInteger, nullable=False),
    #: Why the file's present content cannot be read; None if it can.
    Column("error", Text),
    UniqueConstraint("user_id", "path"),
)

messages = Table(
    "message",
    metadata,
    Column("id", Uuid, primary_key=True),
    _owner(index=False),
    Column("flow_id", Uuid),
    Column("session_id", String(1024), nullable=False),
    Column("context_id", String(1024), nullable=False),
    Column("sender", String(255)),
    Column("sender_name", String(255)),
    Column("text", Text, nullable=False),
    Column("files", JSON, nullable=False),
    Column("error", Boolean, nullable=False),
    Column("edit", Boolean, nullable=False),
    Column("category", String(16), nullable=False),
    Column("properties", JSON, nullable=False),
    Column("content_blocks", JSON, nullable=False),
    Column("duration", Integer),
    Column("timestamp", UtcDateTime, nullable=False),
    Index(None, "user_id", "timestamp"),
    Index(None, "user_id", "session_id", "timestamp"),
    Index(None, "flow_id", "timestamp"),
    Index(None, "flow_id", "session_id"),
)

variables = Table(
    "variable",
    metadata,
    Column("id", Uuid, primary_key=True),
    _owner(),
    Column("name", String(255), nullable=False),
    Column("type", String(32), nullable=False),
    Column("value", Text, nullable=False),
    Column("default_fields", JSON),
    #: Whether the value comes from the environment, and is updated from it at each start.
    Column("from_environment", Boolean, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    UniqueConstraint("user_id", "name"),
)

#: MCP servers whose tools flows use. `config` is encrypted JSON, since its parts may contain secrets.
mcp_servers = Table(
    "mcp_server",
    metadata,
    Column("id", Uuid, primary_key=True),
    _owner(index=False),
    Column("name", String(255), nullable=False),
    Column("config", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    UniqueConstraint("user_id", "name"),
)

vertex_builds = Table(
    "vertex_build",
    metadata,
    Column("build_id", Uuid, primary_key=True),
    _owner(),
    Column("flow_id", Uuid, ForeignKey("flow.id", ondelete="CASCADE"), nullable=False),
    Column("id", String(255), nullable=False),
    Column("job_id", Uuid),
    Column("timestamp", UtcDateTime, nullable=False),
    Column("valid", Boolean, nullable=False),
    Column("params", Text),
    Column("data", JSON),
    Column("artifacts", JSON),
    Index(None, "flow_id", "timestamp"),
)

transactions = Table(
    "transaction",
    metadata,
    Column("id", Uuid, primary_key=True),
    _owner(),
    Column("flow_id", Uuid, ForeignKey("flow.id", ondelete="CASCADE"), nullable=False),
    Column("vertex_id", String(255), nullable=False),
    Column("target_id", String(255)),
    Column("timestamp", UtcDateTime, nullable=False),
    Column("status", String(16), nullable=False),
    Column("error", Text),
    Column("inputs", JSON),
    Column("outputs", JSON),
    Index(None, "flow_id", "timestamp"),
)

files = Table(
    "file",
    metadata,
    Column("id", Uuid, primary_key=True),
    _owner(),
    #: The flow that a file was uploaded to; None for a user's own file.
    Column("flow_id", Uuid, ForeignKey("flow.id", ondelete="CASCADE"), index=True),
    Column("name", String(1024), nullable=False),
    #: The public path of the file. Its bytes are stored under `blob`.
    Column("path", String(1024), nullable=False),
    Column("blob", Uuid, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("provider", String(32)),
    #: The purpose that a client of the OpenAI API stated; None for other files.
    Column("purpose", String(32)),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    UniqueConstraint("user_id", "path"),
)

#: Accepted runs that a job worker executes later.
jobs = Table(
    "job",
    metadata,
    Column("id", Uuid, primary_key=True),
    _owner(index=False),
    Column("flow_id", Uuid, ForeignKey("flow.id", ondelete="CASCADE"), nullable=False),
    Column("key", String(255)),
    #: SHA-256 of the request: a second request with the same key must have the same digest.
    Column("digest", String(64), nullable=False),
    #: The request, until the job has ended.
    Column("request", JSON),
    Column("request_bytes", Integer, nullable=False, server_default="0"),
    #: The network address of the anonymous caller; empty for the owner's own jobs.
    Column("visitor", String(64), nullable=False, server_default=""),
    Column("status", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("error", Text),
    Column("worker", Uuid),
    Column("lease_until", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    UniqueConstraint("flow_id", "key"),
    Index(None, "status", "lease_until"),
    Index(None, "user_id", "created_at"),
    Index(None, "ended_at"),
)

#: Approved custom code, by the SHA-256 of its text.
approvals = Table(
    "approval",
    metadata,
    Column("digest", String(64), primary_key=True),
    #: The approver; None for the operator, and after the user is deleted.
    Column("user_id", Uuid, ForeignKey("user.id", ondelete="SET NULL"), index=True),
    #: The name of the code's node.
    Column("name", String(255), nullable=False),
    Column("approved_at", UtcDateTime, nullable=False),
    #: An `ApprovalMethod`.
    Column("method", String(16), nullable=False, server_default="saved"),
)

#: Builds whose events other processes can serve. Empty if a single process uses the database.
builds = Table(
    "build",
    metadata,
    Column("id", Uuid, primary_key=True),
    _owner(index=True),
    Column("flow_id", Uuid, nullable=False),
    #: The id of the user, or of the anonymous caller, who started the build. The code calls it the subscriber; renaming
    #: the column needs a migration.
    Column("watcher", String(255), nullable=False),
    Column("polled", Integer, nullable=False),
    Column("cancelled", Boolean, nullable=False),
    Column("ended", Boolean, nullable=False),
    #: The last heartbeat of the process that runs the build.
    Column("alive_at", UtcDateTime, nullable=False, index=True),
)

build_lines = Table(
    "build_line",
    metadata,
    Column("build_id", Uuid, ForeignKey("build.id", ondelete="CASCADE"), primary_key=True),
    #: The number of the first line, and in `until` the number after the last line. A clearer name needs a migration.
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("until", Integer, nullable=False),
    Column("lines", JSON, nullable=False),
)

#: Responses of the OpenAI API, which clients retrieve later.
responses = Table(
    "response",
    metadata,
    Column("id", String(64), primary_key=True),
    _owner(index=False),
    #: The session of the run, which a request with this response as its previous one continues.
    Column("session_id", String(1024), nullable=False),
    #: The job of a background response.
    Column("job_id", Uuid),
    Column("status", String(16), nullable=False),
    Column("body", JSON, nullable=False),
    #: The items of the request.
    Column("input", JSON, nullable=False),
    #: The size of `body` and `input` in bytes, and that of `input` alone.
    Column("size", Integer, nullable=False),
    Column("input_size", Integer, nullable=False),
    #: The `previous_response_id` of the request: a response, or a session of Langflow.
    Column("previous_id", String(1024)),
    Column("created_at", UtcDateTime, nullable=False),
    Index(None, "user_id", "created_at", "size"),
)

#: Conversations of the OpenAI API. The id of a conversation is that of its session.
conversations = Table(
    "conversation",
    metadata,
    Column("id", String(64), primary_key=True),
    _owner(index=False),
    #: The `metadata` of the client.
    Column("labels", JSON, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Index(None, "user_id", "created_at"),
)

conversation_items = Table(
    "conversation_item",
    metadata,
    Column("conversation_id", String(64), ForeignKey("conversation.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    _owner(index=False),
    Column("id", String(128), nullable=False),
    Column("item", JSON, nullable=False),
    #: The size of `item` in bytes.
    Column("size", Integer, nullable=False),
    UniqueConstraint("conversation_id", "id"),
    Index(None, "user_id", "size"),
)

#: At most one row: the registration of this server.
registrations = Table(
    "registration",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("email", String(320), nullable=False),
    Column("registered_at", UtcDateTime, nullable=False),
)
