"""Files: the rules for a user's own files and for the files of a flow."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson

from headrace.db import files, flows
from headrace.errors import BadRequestError, ConflictError, ContentTooLargeError, NotFoundError
from headrace.storage.filenames import sanitize_filename

if TYPE_CHECKING:
    from sqlalchemy import RowMapping
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headrace.db.database import Database
    from headrace.services.mcp_servers import McpServerService
    from headrace.storage.files import FileService


#: The start of the name of the file in which Langflow's clients keep a user's MCP servers; the user's id follows.
MCP_SERVERS_PREFIX = "_mcp_servers_"
#: Maximum size of this file, in bytes. It is read into memory.
MAX_MCP_SERVERS_BYTES = 1_000_000


def full_file_name(row: RowMapping) -> str:
    """Return the name of a user's file with its suffix, such as `report.pdf`."""
    return f"{row['name']}{PurePosixPath(row['path']).suffix}"


def _mcp_servers_in(content: bytes) -> dict[str, Any] | None:
    """Return the servers in a file `{"mcpServers": {name: configuration}}`, or None if it is another file."""
    try:
        parsed = orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
    servers = parsed.get("mcpServers") if isinstance(parsed, dict) else None
    return servers if isinstance(servers, dict) else None


class UserFileService:
    """Reads and writes the files that users own directly."""

    def __init__(self, database: Database, files_: FileService, mcp_servers: McpServerService) -> None:
        self._database = database
        self._files = files_
        self._mcp_servers = mcp_servers

    async def save_file(self, owner: UUID, name: str, chunks: AsyncIterator[bytes], *, append: bool) -> RowMapping:
        """Store a file and return its row.

        Args:
            owner: the file's owner.
            name: the file's name; a name that is in use gets a number, except that of the owner's MCP servers.
            chunks: the file's bytes.
            append: add the bytes to the owner's file of this name instead, if there is one.

        """
        if sanitize_filename(name) == f"{MCP_SERVERS_PREFIX}{owner}.json":
            return await self._files.replace(owner, name, self._import_mcp_servers(owner, chunks))
        save = self._files.append if append else self._files.add
        return await save(owner, name, chunks)

    async def _import_mcp_servers(self, owner: UUID, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Replace the owner's MCP servers by those in a file, and yield the file without their secrets.

        A file without `mcpServers` changes nothing.

        Raises:
            BadRequestError: A server in the file is not valid.
            ContentTooLargeError: The file is too large.

        """
        content = b""
        async for chunk in chunks:
            content += chunk
            if len(content) > MAX_MCP_SERVERS_BYTES:
                raise ContentTooLargeError(f"The file of MCP servers is larger than {MAX_MCP_SERVERS_BYTES} bytes.")
        servers = _mcp_servers_in(content)
        if servers is None:
            yield content
        else:
            yield orjson.dumps({"mcpServers": await self._mcp_servers.replace_all(owner, servers)})

    async def list_files(self, owner: UUID) -> Sequence[RowMapping]:
        """Return the owner's files, oldest first."""
        async with self._database.connect() as connection:
            return await files.list_(connection, owner)

    async def get_file(self, owner: UUID, file_id: UUID) -> RowMapping:
        """Return one of the owner's files.

        Raises:
            NotFoundError: The owner has no such file.

        """
        async with self._database.connect() as connection:
            rows = await files.get_many(connection, owner, [file_id])
        if not rows:
            raise NotFoundError("File not found")
        return rows[0]

    async def get_files(self, owner: UUID, file_ids: list[UUID]) -> Sequence[RowMapping]:
        """Return the owner's files among `file_ids`, in their order.

        Raises:
            NotFoundError: None of them is the owner's.

        """
        async with self._database.connect() as connection:
            rows = await files.get_many(connection, owner, file_ids)
        if not rows:
            raise NotFoundError("No files found")
        return rows

    async def rename_file(self, owner: UUID, file_id: UUID, name: str) -> RowMapping:
        """Rename one of the owner's files and return its row. Its path, which flows refer to, stays the same.

        Raises:
            ConflictError: Another file of the owner has this name.
            NotFoundError: The owner has no such file.

        """
        safe_name = sanitize_filename(name)

        async def rename(connection: AsyncConnection) -> RowMapping | None:
            rows = await files.list_(connection, owner)
            if any(row["name"] == safe_name and row["id"] != file_id for row in rows):
                raise ConflictError(f"You have another file with the name {safe_name}.")
            return await files.change(connection, owner, file_id, {"name": safe_name})

        row = await self._database.write(rename)
        if row is None:
            raise NotFoundError("File not found")
        return row

    async def delete_file(self, owner: UUID, file_id: UUID) -> RowMapping:
        """Delete one of the owner's files and return its former row.

        Raises:
            NotFoundError: The owner has no such file.

        """
        row = await self.get_file(owner, file_id)
        await self._files.remove(owner, [file_id])
        return row

    async def delete_files(self, owner: UUID, file_ids: list[UUID]) -> int:
        """Delete the owner's files among `file_ids` and return their number.

        Raises:
            NotFoundError: None of them is the owner's.

        """
        rows = await self.get_files(owner, file_ids)
        return len(await self._files.remove(owner, [row["id"] for row in rows]))

    async def delete_all_files(self, owner: UUID) -> int:
        """Delete all of the owner's files and return their number."""
        rows = await self.list_files(owner)
        return len(await self._files.remove(owner, [row["id"] for row in rows]))


class FlowFileService:
    """Reads and writes the files that users upload to one of their flows."""

    def __init__(self, database: Database, files_: FileService) -> None:
        self._database = database
        self._files = files_

    async def check_flow(self, owner: UUID, flow_id: UUID) -> None:
        """Raise NotFoundError if the owner has no such flow."""
        async with self._database.connect() as connection:
            if await flows.get_version(connection, owner, str(flow_id)) is None:
                raise NotFoundError("Flow not found")

    async def save_file(self, owner: UUID, flow_id: UUID, name: str, chunks: AsyncIterator[bytes]) -> RowMapping:
        """Store a file for a flow and return its row. Its name starts with the time of the upload."""
        return await self._files.add(owner, name, chunks, flow_id=flow_id)

    async def list_files(self, owner: UUID, flow_id: UUID) -> Sequence[RowMapping]:
        """Return the files of one of the owner's flows, oldest first.

        Raises:
            NotFoundError: The owner has no such flow.

        """
        await self.check_flow(owner, flow_id)
        async with self._database.connect() as connection:
            return await files.list_(connection, owner, flow_id)

    async def get_file(self, owner: UUID, flow_id: UUID, name: str) -> RowMapping:
        """Return the file of a flow with this name.

        Raises:
            BadRequestError: The name is that of no file, and looks like a path to another folder.
            NotFoundError: The owner has no such flow, or the flow has no such file.

        """
        async with self._database.connect() as connection:
            row = await files.get_by_path(connection, owner, f"{flow_id}/{name}")
        if row is None and (".." in name or "\\" in name):
            raise BadRequestError("Invalid file name")
        if row is None or row["flow_id"] != flow_id:
            raise NotFoundError(f"File {name} not found in flow {flow_id}")
        return row

    async def delete_file(self, owner: UUID, flow_id: UUID, name: str) -> None:
        """Delete the file of a flow with this name.

        Raises:
            BadRequestError: The name is that of no file, and looks like a path to another folder.
            NotFoundError: The owner has no such flow, or the flow has no such file.

        """
        row = await self.get_file(owner, flow_id, name)
        await self._files.remove(owner, [row["id"]])
