"""MCP Tools: the tools of a server that speaks the Model Context Protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.component import (
    BoolInput,
    Component,
    DictInput,
    DropdownInput,
    FloatInput,
    IntInput,
    McpInput,
    MessageTextInput,
    Output,
)
from headrace.component.component import ComponentError
from headrace.component.tools import METADATA, changed_tools, described_arguments, tool_name
from headrace.mcp_client import McpConnection, server_of, text_of_result

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool
    from mcp.types import Tool

    from headrace.component.editing import Editing
    from headrace.component.inputs import Input
    from headrace.schema.dataframe import DataFrame

_KINDS: dict[str, type[Input]] = {
    "integer": IntInput,
    "number": FloatInput,
    "boolean": BoolInput,
    "object": DictInput,
}


class MCPToolsComponent(Component):
    """Uses one tool of a server with the values in its fields; in tool mode, gives all of them to a model."""

    name = "MCPTools"
    display_name = "MCP Tools"
    description = "Tools of an MCP server."
    icon = "Mcp"
    inputs = [
        McpInput(
            name="mcp_server",
            display_name="MCP Server",
            real_time_refresh=True,
            info="The server: {name, config: {url, headers}}.",
        ),
        BoolInput(name="use_cache", display_name="Use Cached Server", advanced=True, info="Kept for older flows."),
        BoolInput(
            name="verify_ssl",
            display_name="Verify SSL Certificate",
            value=True,
            advanced=True,
            info="Certificates are verified, whatever this says.",
        ),
        DropdownInput(
            name="tool",
            display_name="Tool",
            required=True,
            show=False,
            real_time_refresh=True,
            info="Which of its tools.",
        ),
        MessageTextInput(
            name="tool_placeholder", display_name="Tool Placeholder", show=False, info="Kept for editors."
        ),
    ]
    outputs = [Output(name="response", display_name="Response", method="build_output")]

    _connection: McpConnection | None = None

    async def build_output(self) -> DataFrame:
        """Return what the chosen tool gives, a row for each piece.

        Raises:
            ComponentError: no tool is chosen, the server has none of this name, or the tool failed.
            McpError: the server cannot be used.

        """
        from headrace.schema.table import dataframe

        tool = next((t for t in await self._tools() if t.name == self.tool), None)
        if tool is None:
            raise ComponentError(f"The MCP server has no tool {self.tool!r}. Choose one of its tools.")
        given = {n: self.values[n] for n in _properties(tool) if self.values.get(n) not in (None, "")}
        result = await self._connected().call(tool.name, given)
        if result.is_error:
            raise ComponentError(f"{tool.name}: {text_of_result(result)}")
        return dataframe([piece.model_dump(mode="json", exclude_none=True) for piece in result.content])

    async def tools_of_server(self) -> list[BaseTool]:
        """Return the server's tools, as their node's author named and described them."""
        changed = changed_tools(self.values.get(METADATA))
        tools = [(tool, changed.get(tool.name, {})) for tool in await self._tools()]
        return [self._as_tool(tool, row) for tool, row in tools if row.get("status") is not False]

    def method_of(self, output: Output) -> Any:
        """Return what makes an output's value; the tools are asked for at the server."""
        return self.tools_of_server if output.method == "to_toolkit" else super().method_of(output)

    def _as_tool(self, tool: Tool, row: dict[str, Any]) -> BaseTool:
        from langchain_core.tools import StructuredTool, ToolException

        async def call(**arguments: Any) -> str:
            result = await self._connected().call(tool.name, arguments)
            if result.is_error:
                raise ToolException(text_of_result(result))
            return text_of_result(result)

        return StructuredTool(
            name=tool_name(str(row.get("name") or tool.name)),
            description=str(row.get("description") or tool.description or tool.name),
            args_schema=_described(tool, described_arguments(row)),
            coroutine=call,
        )

    async def _tools(self) -> list[Tool]:
        return await self._connected().tools()

    def _connected(self) -> McpConnection:
        if self._connection is None:
            self._connection = McpConnection(server_of(self.mcp_server), self.context.egress)
            self.context.at_end(self._connection.close)
        return self._connection

    @classmethod
    async def edited(cls, node: dict[str, Any], field: str, editing: Editing) -> dict[str, Any]:
        """Return the node with the server's tools to choose from, and a field for each argument of the chosen one."""
        template = node["template"]
        if field not in {"mcp_server", "tool", "tool_mode"} or not template["mcp_server"].get("value"):
            return node
        connection = McpConnection(server_of(template["mcp_server"]["value"]), editing.egress)
        try:
            tools = await connection.tools()
        finally:
            connection.close()
        if node.get("tool_mode"):
            rows = [_row(tool) for tool in tools]
            return {**node, "template": {**template, METADATA: {**template[METADATA], "value": rows}}}
        names = [tool.name for tool in tools]
        chosen = template["tool"].get("value") if template["tool"].get("value") in names else ""
        known = {i.name for i in cls.inputs} | {"code", "_type"}
        fields = {n: f for n, f in template.items() if n in known}
        fields["tool"] = {**fields["tool"], "options": names, "value": chosen, "show": True}
        for tool in tools:
            if tool.name == chosen:
                fields |= {n: _kept(_field(n, told, tool), template.get(n)) for n, told in _properties(tool).items()}
        return {**node, "template": fields}


def _row(tool: Tool) -> dict[str, Any]:
    told = tool.description or tool.name
    return {
        "name": tool_name(tool.name),
        "description": told,
        "display_name": tool.title or tool.name,
        "display_description": told,
        "tags": [tool.name],
        "args": _properties(tool),
        "readonly": False,
        "status": True,
    }


def _described(tool: Tool, described: dict[str, str]) -> dict[str, Any]:
    """Return a tool's schema with its arguments as the node's author described them."""
    properties = {
        n: {**told, "description": described[n]} if n in described and isinstance(told, dict) else told
        for n, told in _properties(tool).items()
    }
    return {**tool.input_schema, "properties": properties}


def _properties(tool: Tool) -> dict[str, Any]:
    found = tool.input_schema.get("properties")
    return found if isinstance(found, dict) else {}


def _field(name: str, told: dict[str, Any], tool: Tool) -> dict[str, Any]:
    """Return the field for an argument, of the kind that its JSON schema says."""
    common = {
        "name": name,
        "display_name": str(told.get("title") or name),
        "info": str(told.get("description") or ""),
        "required": name in (tool.input_schema.get("required") or []),
    }
    if isinstance(told.get("enum"), list):
        made: Input = DropdownInput(**common, options=[str(o) for o in told["enum"]], value=told.get("default", ""))
    else:
        kind = _KINDS.get(str(told.get("type")), MessageTextInput)
        default = {"value": told["default"]} if told.get("default") is not None else {}
        made = kind(**common, **default, **({"is_list": True} if told.get("type") == "array" else {}))
    return made.to_json()


def _kept(made: dict[str, Any], before: object) -> dict[str, Any]:
    return {**made, "value": before["value"]} if isinstance(before, dict) and before.get("value") else made
