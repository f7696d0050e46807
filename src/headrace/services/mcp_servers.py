"""MCP servers: named, encrypted configurations of the servers whose tools flows use."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson

from headrace.db import mcp_servers, tables
from headrace.db.encryption import UnreadableSecretError
from headrace.db.quotas import Quota
from headrace.errors import BadRequestError, ConflictError, ContentTooLargeError, HeadraceError, NotFoundError
from headrace.mcp.server_config import parse_server
from headrace.services.mcp_server_secrets import check_not_redacted, redact_config, restore_secrets

if TYPE_CHECKING:
    from sqlalchemy import RowMapping
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headrace.db.database import Database
    from headrace.db.encryption import VariableCipher
    from headrace.runs.mcp_access import McpAccess

#: Maximum size of the configuration of a server, in bytes.
MAX_CONFIG_BYTES = 65_536
#: Maximum length of the name of a server.
MAX_NAME_LENGTH = 255
#: Time limit for counting the tools of a server, in seconds.
COUNT_SECONDS = 30.0
#: Servers of a user whose tools are counted at the same time.
MAX_CONCURRENT_COUNTS = 8


class McpServerNotFoundError(NotFoundError):
    """The caller has no MCP server with this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"MCP server {name!r} not found. Add it with POST /api/v2/mcp/servers/{{name}}.")


class McpServerExistsError(ConflictError):
    """The caller has another MCP server with this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"You have an MCP server {name!r}. Change it with PATCH, or choose another name.")


@dataclass(frozen=True, slots=True)
class ServerSummary:
    """A server in a list. The number of tools is None if it was not requested or the server cannot be used."""

    name: str
    transport: str
    tool_count: int | None = None
    error: str | None = None


class McpServerService:
    """Reads and writes the MCP servers of each owner."""

    def __init__(self, database: Database, cipher: VariableCipher, mcp: McpAccess, *, max_servers: int) -> None:
        self._database = database
        self._cipher = cipher
        self._mcp = mcp
        self._quota = Quota(tables.mcp_servers, "MCP servers", max_servers, "HEADRACE_MAX_MCP_SERVERS")

    async def list_servers(self, owner: UUID, *, count_tools: bool) -> list[ServerSummary]:
        """Return the owner's servers, oldest first.

        Args:
            owner: the owner of the servers.
            count_tools: connect to each server and count its tools.

        """
        async with self._database.connect() as connection:
            rows = await mcp_servers.list_(connection, owner)
        slots = asyncio.Semaphore(MAX_CONCURRENT_COUNTS)

        async def summarize(row: RowMapping) -> ServerSummary:
            async with slots:
                return await self._summarize(row, count_tools=count_tools)

        return list(await asyncio.gather(*map(summarize, rows)))

    async def get_config(self, owner: UUID, name: str) -> dict[str, Any]:
        """Return the redacted configuration of one of the owner's servers.

        Raises:
            McpServerNotFoundError: the owner has no such server.

        """
        async with self._database.connect() as connection:
            row = await mcp_servers.get(connection, owner, name)
        if row is None:
            raise McpServerNotFoundError(name)
        return redact_config(self._decrypt(row))

    async def add_server(self, owner: UUID, name: str, config: Mapping[str, Any]) -> dict[str, Any]:
        """Add a server and return its redacted configuration.

        Raises:
            BadRequestError: the name or the configuration is not valid.
            McpServerExistsError: the owner has a server with this name.
            QuotaError: the owner has the maximum number of servers.

        """
        check_not_redacted(config)
        encrypted = self._encrypt(name, config)

        async def add(connection: AsyncConnection) -> None:
            if await mcp_servers.get(connection, owner, name) is not None:
                raise McpServerExistsError(name)
            await self._quota.check(connection, owner)
            await mcp_servers.add(connection, owner, name, encrypted)

        await self._database.write(add)
        return redact_config(config)

    async def replace_config(self, owner: UUID, name: str, config: Mapping[str, Any]) -> dict[str, Any]:
        """Replace the configuration of a server and return the new one, redacted. Redacted values keep the stored ones.

        Raises:
            BadRequestError: the configuration is not valid.
            McpServerNotFoundError: the owner has no such server.

        """

        async def replace(connection: AsyncConnection) -> dict[str, Any]:
            row = await mcp_servers.get(connection, owner, name)
            if row is None:
                raise McpServerNotFoundError(name)
            new_config = restore_secrets(config, self._decrypt(row))
            await mcp_servers.change(connection, owner, name, self._encrypt(name, new_config))
            return new_config

        new_config = await self._database.write(replace)
        self._mcp.connections.discard(str(owner), name)
        return redact_config(new_config)

    async def replace_all(self, owner: UUID, configs: Mapping[str, Any]) -> dict[str, Any]:
        """Replace all servers of the owner and return the new configurations, redacted, by name.

        Raises:
            BadRequestError: a name or a configuration is not valid.
            QuotaError: there are more servers than the maximum.

        """

        async def replace(connection: AsyncConnection) -> dict[str, Any]:
            stored = {row["name"]: row for row in await mcp_servers.list_(connection, owner)}
            for name in stored:
                await mcp_servers.remove(connection, owner, name)
            await self._quota.check(connection, owner, len(configs))
            new_configs = {}
            for name, config in configs.items():
                _check_is_object(name, config)
                old_config = self._decrypt(stored[name]) if name in stored else {}
                new_configs[name] = restore_secrets(config, old_config)
                await mcp_servers.add(connection, owner, name, self._encrypt(name, new_configs[name]))
            return new_configs

        replaced = await self._database.write(replace)
        for name in replaced:
            self._mcp.connections.discard(str(owner), name)
        return {name: redact_config(config) for name, config in replaced.items()}

    async def delete_server(self, owner: UUID, name: str) -> None:
        """Delete one of the owner's servers.

        Raises:
            McpServerNotFoundError: the owner has no such server.

        """
        if not await self._database.write(lambda c: mcp_servers.remove(c, owner, name)):
            raise McpServerNotFoundError(name)
        self._mcp.connections.discard(str(owner), name)

    async def _summarize(self, row: RowMapping, *, count_tools: bool) -> ServerSummary:
        try:
            config = self._decrypt(row)
        except UnreadableSecretError as error:
            return ServerSummary(row["name"], "", error=error.message)
        transport = parse_server({"name": row["name"], "config": config}, allow_command=True).transport
        if not count_tools:
            return ServerSummary(row["name"], transport)
        try:
            async with asyncio.timeout(COUNT_SECONDS):
                connection = await self._mcp.connect(row["user_id"], {"name": row["name"]})
                return ServerSummary(row["name"], transport, len(await connection.tools()))
        except TimeoutError:
            problem = f"The MCP server {row['name']} does not answer. Check that it is running."
        except HeadraceError as error:
            problem = error.message
        return ServerSummary(row["name"], transport, error=problem)

    def _encrypt(self, name: str, config: Mapping[str, Any]) -> str:
        _check_config(name, config)
        text = orjson.dumps(dict(config))
        if len(text) > MAX_CONFIG_BYTES:
            raise ContentTooLargeError(f"The configuration of the MCP server is larger than {MAX_CONFIG_BYTES} bytes.")
        return self._cipher.encrypt(text.decode())

    def _decrypt(self, row: RowMapping) -> dict[str, Any]:
        return dict(orjson.loads(self._cipher.decrypt(row["config"])))


def _check_is_object(name: str, config: object) -> None:
    if not isinstance(config, dict):
        raise BadRequestError(f"The configuration of the MCP server {name!r} is not valid. It must be a JSON object.")


def _check_config(name: str, config: Mapping[str, Any]) -> None:
    """Check the parts of a configuration that the server uses.

    Raises:
        BadRequestError: the name or a part is not valid.

    """
    if not name.strip() or len(name) > MAX_NAME_LENGTH or "/" in name:
        raise BadRequestError(
            f"The name of an MCP server must have 1 to {MAX_NAME_LENGTH} characters and no slash. Choose another name."
        )
    command, url, arguments, env = (config.get(part) for part in ("command", "url", "args", "env"))
    if not command and not url:
        raise BadRequestError(f"The MCP server {name!r} has neither a command nor a URL. Enter one of them.")
    if command and not isinstance(command, str):
        raise BadRequestError(f"'command' of the MCP server {name!r} is not valid. It must be a text.")
    if url and not (isinstance(url, str) and url.startswith(("http://", "https://"))):
        raise BadRequestError(f"'url' of the MCP server {name!r} is not valid. It must start with http:// or https://.")
    if arguments and not (isinstance(arguments, list) and all(isinstance(a, str) for a in arguments)):
        raise BadRequestError(f"'args' of the MCP server {name!r} is not valid. It must be a list of texts.")
    if env and not (isinstance(env, dict) and all(isinstance(value, str) for value in env.values())):
        raise BadRequestError(f"'env' of the MCP server {name!r} is not valid. It must map names to texts.")
    headers = config.get("headers")
    if headers and not isinstance(headers, (dict, list)):
        raise BadRequestError(f"'headers' of the MCP server {name!r} is not valid. It must map names to texts.")
