"""Add the MCP server of a project to the programs on this machine."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from headrace.errors import BadRequestError, ConflictError
from headrace.mcp.client_configuration import PROGRAMS, ClientProgram, ServerAddress, Transport
from headrace.mcp.tool_names import clean_name
from headrace.services.mcp_project_access import PROJECT_PATH
from headrace.services.mcp_projects import project_addresses
from headrace.storage.json_file import ForeignFileError, read_object, write_object

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headrace.services.api_keys import ApiKeyService
    from headrace.services.projects import ProjectService

#: The start of the names of servers in the files.
NAME_PREFIX = "headrace-"


class UnknownProgramError(BadRequestError):
    """No supported program has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"The client {name[:100]!r} is not supported. Use one of: {', '.join(PROGRAMS)}.")


class ProgramMissingError(ConflictError):
    """A program has not been used on this machine."""

    def __init__(self, program: ClientProgram) -> None:
        super().__init__(
            f"{program.name} is not installed on the machine of the server: {program.path().parent} is missing."
        )


@dataclass(frozen=True, slots=True)
class ProgramState:
    """Whether a program is on this machine, and whether it has the server of a project."""

    name: str
    is_installed: bool
    is_available: bool


class McpInstallation:
    """Reads and changes the configuration files of programs on this machine."""

    def __init__(self, project_service: ProjectService, api_keys: ApiKeyService) -> None:
        self._projects = project_service
        self._api_keys = api_keys
        self._lock = asyncio.Lock()

    async def list_programs(self, owner: UUID, project_id: UUID) -> list[ProgramState]:
        """Return the state of each supported program.

        Raises:
            NotFoundError: The owner has no such project.

        """
        await self._projects.get_project(owner, project_id)
        return await asyncio.to_thread(lambda: [_state(program, project_id) for program in PROGRAMS.values()])

    async def install(
        self, owner: UUID, project_id: UUID, name: str, base_url: str, transport: Transport = "streamablehttp"
    ) -> None:
        """Add the server of a project to a program's file, or replace its entry, with a new API key if the project needs one.

        Args:
            owner: the project's owner.
            project_id: the project's id.
            name: the name of the program.
            base_url: the address of this server.
            transport: the transport that the program uses.

        Raises:
            UnknownProgramError: The program is not supported.
            ProgramMissingError: The program is not on this machine.
            ForeignFileError: The program's file cannot be changed.
            NotFoundError: The owner has no such project.

        """
        project = await self._projects.get_project(owner, project_id)
        program = PROGRAMS.get(name)
        if program is None:
            raise UnknownProgramError(name)
        streamable, sse = project_addresses(base_url, project_id)
        async with self._lock:
            # Fails before a key is created.
            await asyncio.to_thread(_check, program)
            headers = {}
            if (project["auth_settings"] or {}).get("auth_type", "apikey") == "apikey":
                created = await self._api_keys.create_api_key(owner, f"MCP: {project['name']} in {name}"[:255])
                headers["x-api-key"] = created.key
            address = ServerAddress(streamable if transport == "streamablehttp" else sse, transport, headers)
            entry_name = NAME_PREFIX + clean_name(project["name"]).lower()
            await asyncio.to_thread(_write, program, project_id, entry_name, program.entry(address))


def _state(program: ClientProgram, project_id: UUID) -> ProgramState:
    try:
        servers = _servers(program, read_object(program.path()))
    except ForeignFileError:
        servers = {}
    is_installed = any(_refers_to(entry, project_id) for entry in servers.values())
    return ProgramState(program.name, is_installed, program.is_available)


def _check(program: ClientProgram) -> None:
    if not program.is_available:
        raise ProgramMissingError(program)
    _servers(program, read_object(program.path()))


def _write(program: ClientProgram, project_id: UUID, name: str, entry: dict[str, Any]) -> None:
    path = program.path()
    content = read_object(path)
    # The present entry of the project has the user's name for it.
    servers = dict(_servers(program, content))
    own = next((n for n, value in servers.items() if _refers_to(value, project_id)), None)
    unique, number = own or name, 1
    while own is None and unique in servers:
        number += 1
        unique = f"{name}_{number}"
    servers[unique] = entry
    write_object(path, {**content, program.servers_key: servers})


def _servers(program: ClientProgram, content: Mapping[str, Any]) -> dict[str, Any]:
    servers = content.get(program.servers_key, {})
    if not isinstance(servers, dict):
        raise ForeignFileError(f"{program.servers_key!r} in the file {program.path()} is not an object.")
    return servers


def _refers_to(entry: object, project_id: UUID) -> bool:
    if not isinstance(entry, dict):
        return False
    arguments = entry.get("args")
    texts = [entry.get("url"), entry.get("serverUrl"), *(arguments if isinstance(arguments, list) else [])]
    return any(isinstance(text, str) and f"{PROJECT_PATH}/{project_id}/" in text for text in texts)
