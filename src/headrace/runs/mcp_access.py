"""The MCP servers that a user's flows may use: stored ones by name, and URLs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from headrace.component.component import ComponentError
from headrace.db import mcp_servers, users
from headrace.mcp.server_config import parse_server

if TYPE_CHECKING:
    from uuid import UUID

    from headrace.custom_code.approval import ApprovalPolicy
    from headrace.db.database import Database
    from headrace.db.encryption import VariableCipher
    from headrace.mcp.client import McpConnection
    from headrace.mcp.connections import McpConnections
    from headrace.settings import Settings


class CommandForbiddenError(ComponentError):
    """The owner of a flow may not start local commands."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(
            f"The MCP server {name!r} is a local command. {problem} Serve it over HTTP, and enter its URL instead."
        )


class McpAccess:
    """Returns connections to the MCP servers that a user may use."""

    def __init__(
        self,
        database: Database,
        cipher: VariableCipher,
        approval: ApprovalPolicy,
        connections: McpConnections,
        settings: Settings,
    ) -> None:
        self._database = database
        self._cipher = cipher
        self._approval = approval
        self.connections = connections
        self._starts_commands = settings.mcp_client.starts_commands
        self._isolates_code = settings.isolates_code

    async def connect(self, owner: UUID, value: object) -> McpConnection:
        """Return the owner's connection to the server in the value of a field.

        The owner's stored server with the name in the value has precedence over the configuration in the value. Local commands
        have to be stored: a flow file may come from a stranger.

        Raises:
            McpError: the value contains no usable server.
            CommandForbiddenError: the server is a local command, which the owner may not start.
            TooManyMcpConnectionsError: all connections have requests in progress.

        """
        name = value.get("name") if isinstance(value, dict) else None
        stored = await self._stored_config(owner, name) if isinstance(name, str) and name else None
        if stored is None:
            return self.connections.get(str(owner), parse_server(value))
        server = parse_server({"name": name, "config": stored}, allow_command=True)
        if server.command:
            await self._check_may_start(owner, server.name)
        return self.connections.get(str(owner), server)

    async def _stored_config(self, owner: UUID, name: str) -> dict[str, Any] | None:
        async with self._database.connect() as connection:
            row = await mcp_servers.get(connection, owner, name)
        return None if row is None else dict(orjson.loads(self._cipher.decrypt(row["config"])))

    async def _check_may_start(self, owner: UUID, name: str) -> None:
        """Check that a user may start local commands: users who may run code, and of these superusers only if code is isolated.

        A command is not confined like isolated code: it can read the files of the server.
        """
        if not self._starts_commands:
            raise CommandForbiddenError(name, "The operator has disabled them (HEADRACE_MCP_COMMANDS=false).")
        async with self._database.connect() as connection:
            user = await users.get(connection, owner)
        is_superuser = user is not None and bool(user["is_superuser"])
        if user is None or not self._approval.may_run(is_superuser=is_superuser):
            raise CommandForbiddenError(name, "Only users who may run code may start it (HEADRACE_CUSTOM_CODE).")
        if self._isolates_code and not is_superuser:
            raise CommandForbiddenError(
                name, "Only superusers may start it on a server that isolates code, because a command is not confined."
            )
