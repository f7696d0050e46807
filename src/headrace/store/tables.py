"""Every table. Times are UTC; ids are UUIDs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    Uuid,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UtcDateTime(TypeDecorator[datetime]):
    """A time in UTC, also where the database keeps no zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        """Return the time in UTC."""
        return value.astimezone(UTC) if value is not None else None

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        """Return the time with its zone."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


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
    #: Whether the value is the environment's, so that it follows the environment at the next start.
    Column("from_environment", Boolean, nullable=False),
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
    #: The flow that a file was sent to; None for a file of the user's own.
    Column("flow_id", Uuid, ForeignKey("flow.id", ondelete="CASCADE"), index=True),
    Column("name", String(1024), nullable=False),
    #: How flows and clients name the file; where its bytes are, only `blob` says.
    Column("path", String(1024), nullable=False),
    Column("blob", Uuid, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("provider", String(32)),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    UniqueConstraint("user_id", "path"),
)

#: Runs that were accepted and are done later.
jobs = Table(
    "job",
    metadata,
    Column("id", Uuid, primary_key=True),
    _owner(index=False),
    Column("flow_id", Uuid, ForeignKey("flow.id", ondelete="CASCADE"), nullable=False),
    Column("key", String(255)),
    #: SHA-256 of what was asked: the same key with another is a mistake.
    Column("digest", String(64), nullable=False),
    #: What was asked, until the job has ended.
    Column("request", JSON),
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

#: Code of people that may run, by the SHA-256 of its text.
approvals = Table(
    "approval",
    metadata,
    Column("digest", String(64), primary_key=True),
    #: Who approved it; None once that user is gone.
    Column("user_id", Uuid, ForeignKey("user.id", ondelete="SET NULL"), index=True),
    #: What its node is called.
    Column("name", String(255), nullable=False),
    Column("approved_at", UtcDateTime, nullable=False),
)

#: Builds that another process may be asked about. Where one process has the database for itself, none are here.
builds = Table(
    "build",
    metadata,
    Column("id", Uuid, primary_key=True),
    _owner(index=True),
    Column("flow_id", Uuid, nullable=False),
    #: Who began it: a user's id, or a visitor's mark.
    Column("watcher", String(255), nullable=False),
    Column("polled", Integer, nullable=False),
    Column("cancelled", Boolean, nullable=False),
    Column("ended", Boolean, nullable=False),
    #: When the process that runs it last said so.
    Column("alive_at", UtcDateTime, nullable=False, index=True),
)

build_lines = Table(
    "build_line",
    metadata,
    Column("build_id", Uuid, ForeignKey("build.id", ondelete="CASCADE"), primary_key=True),
    #: The number of the first line, and of the one after the last.
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("until", Integer, nullable=False),
    Column("lines", JSON, nullable=False),
)

#: One row, where somebody registered this server.
registrations = Table(
    "registration",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("email", String(320), nullable=False),
    Column("registered_at", UtcDateTime, nullable=False),
)
