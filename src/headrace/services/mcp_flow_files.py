"""Flow files for MCP clients, without a server or database."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from headrace.errors import HeadraceError
from headrace.formats.mcp import tool_answer
from headrace.graph.events import Event, VertexEnded
from headrace.mcp.provider import (
    Caller,
    ProgressEvent,
    PromptDefinition,
    Report,
    ResourceDefinition,
    ToolAnswer,
    ToolDefinition,
    UnknownItemError,
)
from headrace.mcp.tool_names import unique_names
from headrace.runs.local import run_flow_file
from headrace.runs.request import RunRequest
from headrace.schema.template import render
from headrace.services.mcp_flows import (
    INPUT_ARGUMENT,
    SESSION_ARGUMENT,
    ArgumentError,
    FlowTool,
    flow_interface,
    flow_tool,
    prompt_definition,
    prompt_name,
    prompt_parts,
    tool_name,
)

if TYPE_CHECKING:
    from headrace.component.registry import Registry
    from headrace.runs.resources import RunResources


@dataclass(frozen=True, slots=True)
class FlowFile:
    """A flow file.

    Attributes:
        name: the name of the file without its extension, for flows without a name.
        content: the parsed JSON of the file.
        python_parts: the component classes and field values of a flow written in Python.

    """

    name: str
    content: Any
    python_parts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def data(self) -> Any:
        """Return the nodes and edges."""
        return self.content.get("data", self.content) if isinstance(self.content, dict) else self.content

    def row(self) -> dict[str, Any]:
        """Return the values that describe the flow's tool."""
        body = self.content if isinstance(self.content, dict) else {}
        texts = {
            key: value if isinstance(value := body.get(key), str) else None
            for key in ("name", "description", "action_name", "action_description")
        }
        return {**texts, "name": texts["name"] or self.name, "id": uuid4(), "folder_id": None}


class FlowFilesProvider:
    """Implements `McpProvider` for flow files: tools and prompts, without resources."""

    def __init__(
        self, flow_files: Sequence[FlowFile], registry: Registry, resources: RunResources, *, strict_tweaks: bool
    ) -> None:
        self._registry = registry
        self._resources = resources
        self._strict_tweaks = strict_tweaks
        rows = [file.row() for file in flow_files]
        names = unique_names(tool_name(row) for row in rows)
        self._tools = [
            flow_tool(row, name, flow_interface(file.data, registry))
            for file, row, name in zip(flow_files, rows, names, strict=True)
        ]
        self._files: dict[UUID, FlowFile] = {row["id"]: file for row, file in zip(rows, flow_files, strict=True)}

    async def list_tools(self, caller: Caller) -> Sequence[ToolDefinition]:
        """Return a tool for each file."""
        return [tool.definition for tool in self._tools]

    async def call_tool(
        self, caller: Caller, name: str, arguments: Mapping[str, Any], report: Report | None
    ) -> ToolAnswer:
        """Run a flow file."""
        tool = next((t for t in self._tools if t.definition.name == name), None)
        if tool is None:
            raise UnknownItemError(f"The server has no tool {name[:100]!r}. List the tools again.")
        try:
            tool.interface.check_arguments(arguments)
            return await self._run(tool, arguments, report)
        except ArgumentError as error:
            return ToolAnswer([str(error)], is_error=True)
        except HeadraceError as error:
            return ToolAnswer([error.message], is_error=True)

    async def _run(self, tool: FlowTool, arguments: Mapping[str, Any], report: Report | None) -> ToolAnswer:
        request = RunRequest(
            input_value=arguments.get(INPUT_ARGUMENT) if tool.interface.has_chat_input else None,
            output_type="any",
            session_id=arguments.get(SESSION_ARGUMENT) or str(uuid4()),
            tweaks=tool.interface.tweaks(arguments),
        )
        file = self._files[tool.flow_id]
        nodes = file.data.get("nodes") if isinstance(file.data, dict) else None
        total, ended = len(nodes) if isinstance(nodes, list) else 0, set[str]()
        reports: set[asyncio.Task[None]] = set()

        def emit(event: Event) -> None:
            if report is not None and isinstance(event, VertexEnded):
                ended.add(event.result.vertex_id)
                progress = ProgressEvent(len(ended), total, event.result.display_name)
                reports.add(asyncio.ensure_future(report(progress)))

        result = await run_flow_file(
            file.content,
            request,
            registry=self._registry,
            resources=self._resources,
            strict_tweaks=self._strict_tweaks,
            emit=emit,
            **file.python_parts,
        )
        await asyncio.gather(*reports)
        return tool_answer(result)

    async def list_resources(self, caller: Caller) -> Sequence[ResourceDefinition]:
        """Return nothing: flow files have no resources."""
        return []

    async def read_resource(self, caller: Caller, uri: str) -> tuple[ResourceDefinition, bytes]:
        """Raise UnknownItemError: flow files have no resources."""
        raise UnknownItemError("Flow files have no resources.")

    async def list_prompts(self, caller: Caller) -> Sequence[PromptDefinition]:
        """Return the Prompt Templates of the files."""
        return [definition for definition, _text in self._prompts().values()]

    async def get_prompt(self, caller: Caller, name: str, arguments: Mapping[str, str]) -> str:
        """Return a template, filled with the arguments and, for those that are missing, with the values in the file."""
        found = self._prompts().get(name)
        if found is None:
            raise UnknownItemError(f"The server has no prompt {name[:100]!r}. List the prompts again.")
        definition, (template, values) = found
        missing = [n for n, is_required in definition.arguments.items() if is_required and n not in arguments]
        if missing:
            raise UnknownItemError(f"The prompt {name!r} needs the arguments {', '.join(missing)}.")
        return render(template, {**values, **arguments})

    def _prompts(self) -> dict[str, tuple[PromptDefinition, tuple[str, dict[str, str]]]]:
        found = [
            (tool, prompt, parts)
            for tool in self._tools
            for prompt in tool.interface.prompts
            if (parts := prompt_parts(self._files[tool.flow_id].data, prompt)) is not None
        ]
        names = unique_names(prompt_name(tool, prompt) for tool, prompt, _parts in found)
        return {
            name: (prompt_definition(tool, prompt, name), parts)
            for name, (tool, prompt, parts) in zip(names, found, strict=True)
        }
