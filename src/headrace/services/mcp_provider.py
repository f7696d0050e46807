"""Stored flows, files and prompts of users for MCP clients."""

from __future__ import annotations

import mimetypes
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import UUID, uuid4

from cachetools import LRUCache

from headrace.db import files, flows
from headrace.db.changes import Change, Topic
from headrace.db.lookup_cache import LookupCache
from headrace.errors import HeadraceError
from headrace.formats.mcp import tool_answer
from headrace.graph.events import TokenEmitted, VertexEnded
from headrace.graph.result import RunResult
from headrace.limits.large_values import call_off_loop
from headrace.mcp.provider import (
    Caller,
    ProgressEvent,
    PromptDefinition,
    Report,
    ResourceDefinition,
    TokenEvent,
    ToolAnswer,
    ToolDefinition,
    UnknownItemError,
)
from headrace.mcp.tool_names import unique_names
from headrace.runs.answer_size import answer_size
from headrace.runs.request import RunRequest
from headrace.runs.streaming import StreamItem, stream_run
from headrace.schema.template import render
from headrace.services.files import MCP_SERVERS_PREFIX, full_file_name
from headrace.services.mcp_flows import (
    INPUT_ARGUMENT,
    SESSION_ARGUMENT,
    ArgumentError,
    FlowInterface,
    FlowPrompt,
    FlowTool,
    flow_interface,
    flow_tool,
    prompt_definition,
    prompt_name,
    prompt_parts,
    tool_name,
)

if TYPE_CHECKING:
    from sqlalchemy import RowMapping

    from headrace.component.registry import Registry
    from headrace.db.database import Database
    from headrace.runs.flow_resolver import FlowResolver, RunnableFlow
    from headrace.runs.runner import Runner
    from headrace.storage.files import FileService

#: Lists of tools in memory, by owner and project.
MAX_CACHED_LISTS = 200
#: Interfaces of flows in memory, by flow and version.
MAX_CACHED_INTERFACES = 5000
#: The start of the URI of a file; its id and its name follow.
FILE_URI = "headrace://files/"
_UNKNOWN_MEDIA_TYPE = "application/octet-stream"
#: A run sends its events as they happen; there is nothing to send while it waits.
_NO_HEARTBEAT_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class ListSnapshot:
    """Values that differ if the tools and prompts, or the resources, of a user have changed."""

    tools: object
    files: object


class StoredFlowsProvider:
    """Implements `McpProvider` for stored flows."""

    def __init__(
        self, database: Database, registry: Registry, resolver: FlowResolver, runner: Runner, files_: FileService
    ) -> None:
        self._database = database
        self._registry = registry
        self._resolver = resolver
        self._runner = runner
        self._files = files_
        self._interfaces: LRUCache[tuple[UUID, int], FlowInterface] = LRUCache(MAX_CACHED_INTERFACES)
        self._lists: LookupCache[tuple[UUID, UUID | None], tuple[FlowTool, ...]] = LookupCache(
            database.changes,
            depends_on=lambda key, _tools: (Change(Topic.LISTS, str(key[0])),),
            max_entries=MAX_CACHED_LISTS,
        )

    async def list_tools(self, caller: Caller) -> Sequence[ToolDefinition]:
        """Return the flows that are offered to MCP clients."""
        return [tool.definition for tool in await self._tools(caller)]

    async def call_tool(
        self, caller: Caller, name: str, arguments: Mapping[str, Any], report: Report | None
    ) -> ToolAnswer:
        """Run a flow as its owner."""
        tool = next((t for t in await self._tools(caller) if t.definition.name == name), None)
        if tool is None:
            raise UnknownItemError(f"The server has no tool {name[:100]!r}. List the tools again.")
        try:
            tool.interface.check_arguments(arguments)
            flow = await self._resolver.resolve(caller.owner, str(tool.flow_id))
            request = RunRequest(
                input_value=arguments.get(INPUT_ARGUMENT) if tool.interface.has_chat_input else None,
                output_type="any",
                session_id=arguments.get(SESSION_ARGUMENT) or caller.session_id or str(uuid4()),
                tweaks=tool.interface.tweaks(arguments),
                stream=report is not None,
            )
            return await self._run(caller.owner, flow, request, report)
        except ArgumentError as error:
            return ToolAnswer([str(error)], is_error=True)
        except HeadraceError as error:
            return ToolAnswer([error.message], is_error=True)

    async def _run(self, owner: UUID, flow: RunnableFlow, request: RunRequest, report: Report | None) -> ToolAnswer:
        if report is None:
            result = await self._runner.run(owner, flow, request)
        else:
            items = stream_run(self._runner, owner, flow, request, heartbeat_seconds=_NO_HEARTBEAT_SECONDS)
            result = await _reported(items, len(flow.plan.vertices), report)
        return await call_off_loop(answer_size(result), tool_answer, result)

    async def list_resources(self, caller: Caller) -> Sequence[ResourceDefinition]:
        """Return the user's files; for a client of a project, those of its flows."""
        return [_resource(row) for row in await self._file_rows(caller)]

    async def read_resource(self, caller: Caller, uri: str) -> tuple[ResourceDefinition, bytes]:
        """Return a file and its bytes."""
        row = next((r for r in await self._file_rows(caller) if _uri(r) == uri), None)
        if row is None:
            raise UnknownItemError(f"The server has no resource {uri[:200]!r}. List the resources again.")
        with self._runner.open_budget(caller.owner) as budget:
            return _resource(row), await self._files.read_bytes(caller.owner, row["path"], budget)

    async def list_prompts(self, caller: Caller) -> Sequence[PromptDefinition]:
        """Return the Prompt Templates of the flows that are offered."""
        return [definition for definition, _tool, _prompt in await self._prompts(caller)]

    async def get_prompt(self, caller: Caller, name: str, arguments: Mapping[str, str]) -> str:
        """Return a template, filled with the arguments and, for those that are missing, with the values in the flow."""
        found = next((p for p in await self._prompts(caller) if p[0].name == name), None)
        if found is None:
            raise UnknownItemError(f"The server has no prompt {name[:100]!r}. List the prompts again.")
        _definition, tool, prompt = found
        missing = [n for n, is_required in prompt.arguments.items() if is_required and n not in arguments]
        if missing:
            raise UnknownItemError(f"The prompt {name!r} needs the arguments {', '.join(missing)}.")
        async with self._database.connect() as connection:
            data = await flows.get_data(connection, caller.owner, tool.flow_id)
        parts = prompt_parts(data, prompt)
        if parts is None:
            raise UnknownItemError(f"The prompt {name!r} has changed. List the prompts again.")
        template, values = parts
        return render(template, {**values, **arguments})

    async def snapshot(self, owner: UUID) -> ListSnapshot:
        """Return the present lists of a user, in a form that can be compared."""
        tools = await self._tools(Caller(owner))
        async with self._database.connect() as connection:
            rows = await files.list_all(connection, owner)
        return ListSnapshot(tools, [(row["id"], row["name"], row["updated_at"]) for row in rows])

    async def _tools(self, caller: Caller) -> tuple[FlowTool, ...]:
        key = (caller.owner, caller.project_id)
        return await self._lists.get(key, lambda: self._load_tools(caller)) or ()

    async def _load_tools(self, caller: Caller) -> tuple[FlowTool, ...]:
        async with self._database.connect() as connection:
            rows = await flows.list_mcp_flows(connection, caller.owner, caller.project_id)
        names = unique_names(tool_name(row) for row in rows)
        return tuple(
            [
                flow_tool(row, name, await self._interface(caller.owner, row))
                for row, name in zip(rows, names, strict=True)
            ]
        )

    async def _interface(self, owner: UUID, row: RowMapping) -> FlowInterface:
        key = (row["id"], row["version"])
        interface = self._interfaces.get(key)
        if interface is None:
            async with self._database.connect() as connection:
                data = await flows.get_data(connection, owner, row["id"])
            interface = self._interfaces[key] = flow_interface(data, self._registry)
        return interface

    async def _file_rows(self, caller: Caller) -> list[RowMapping]:
        async with self._database.connect() as connection:
            rows = await files.list_all(connection, caller.owner, caller.project_id)
        # The list of a user's MCP servers contains their credentials.
        return [row for row in rows if not row["name"].startswith(MCP_SERVERS_PREFIX)]

    async def _prompts(self, caller: Caller) -> list[tuple[PromptDefinition, FlowTool, FlowPrompt]]:
        found = [(tool, prompt) for tool in await self._tools(caller) for prompt in tool.interface.prompts]
        names = unique_names(prompt_name(tool, prompt) for tool, prompt in found)
        return [
            (prompt_definition(tool, prompt, name), tool, prompt)
            for name, (tool, prompt) in zip(names, found, strict=True)
        ]


async def _reported(items: AsyncIterator[StreamItem], total: int, report: Report) -> RunResult:
    """Return the result of a run, whose events are reported.

    Raises:
        HeadraceError: The run failed.

    """
    ended: set[str] = set()
    # Closing the iterator early, because the caller is cancelled, ends the run.
    async with aclosing(items) as events:  # type: ignore[type-var]
        async for item in events:
            if isinstance(item, RunResult):
                return item
            if isinstance(item, HeadraceError):
                raise item
            if isinstance(item, TokenEmitted):
                await report(TokenEvent(item.chunk, item.message_id))
            elif isinstance(item, VertexEnded):
                ended.add(item.result.vertex_id)
                await report(ProgressEvent(len(ended), total, item.result.display_name))
    raise HeadraceError("The run ended without a result. Try again.")


def _file_name(row: RowMapping) -> str:
    return str(row["name"]) if row["flow_id"] is not None else full_file_name(row)


def _uri(row: RowMapping) -> str:
    return f"{FILE_URI}{row['id']}/{quote(_file_name(row), safe='')}"


def _resource(row: RowMapping) -> ResourceDefinition:
    name = _file_name(row)
    return ResourceDefinition(_uri(row), name, mimetypes.guess_type(name)[0] or _UNKNOWN_MEDIA_TYPE, row["size"])
