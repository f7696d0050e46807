"""MCP Tools: the tools of a Model Context Protocol (MCP) server."""

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
from headrace.component.tools import TOOLS_METADATA, described_arguments, tool_name, tool_overrides
from headrace.mcp.client import McpConnection, parse_server, text_of_result

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool
    from mcp.types import Tool

    from headrace.component.editor_context import EditorContext
    from headrace.component.inputs import Input
    from headrace.schema.dataframe import DataFrame

_INPUT_CLASSES: dict[str, type[Input]] = {
    "integer": IntInput,
    "number": FloatInput,
    "boolean": BoolInput,
    "object": DictInput,
}


class MCPToolsComponent(Component):
    """Call one tool of an MCP server with the values of the fields. In tool mode, provide all tools to a model."""

    name = "MCPTools"
    display_name = "MCP Tools"
    description = "Uses the tools of an MCP server."
    icon = "Mcp"
    inputs = [
        McpInput(
            name="mcp_server",
            display_name="MCP Server",
            real_time_refresh=True,
            info="MCP server to use, as {name, config: {url, headers}}.",
        ),
        BoolInput(
            name="use_cache",
            display_name="Use Cached Server",
            advanced=True,
            info="Has no effect. Connections are reused within a run.",
        ),
        BoolInput(
            name="verify_ssl",
            display_name="Verify SSL Certificate",
            value=True,
            advanced=True,
            info="Has no effect. Certificates are always verified.",
        ),
        DropdownInput(
            name="tool",
            display_name="Tool",
            required=True,
            show=False,
            real_time_refresh=True,
            info="Tool to call.",
        ),
        MessageTextInput(name="tool_placeholder", display_name="Tool Placeholder", show=False, info="Not used."),
    ]
    outputs = [Output(name="response", display_name="Response", method="build_output")]

    _connection: McpConnection | None = None

    async def build_output(self) -> DataFrame:
        """Call the selected tool and return a table with a row for each content item of its result.

        Raises:
            ComponentError: no tool is selected, the server does not have the tool, or the tool failed.
            McpError: the server cannot be used.

        """
        from headrace.schema.table import dataframe

        tool = next((t for t in await self._tools() if t.name == self.tool), None)
        if tool is None:
            raise ComponentError(f"The MCP server has no tool {self.tool!r}. Select one under Tool.")
        arguments = {name: self.values[name] for name in _properties(tool) if self.values.get(name) not in (None, "")}
        result = await self._connect().call(tool.name, arguments)
        if result.is_error:
            raise ComponentError(f"{tool.name}: {text_of_result(result)}")
        return dataframe([item.model_dump(mode="json", exclude_none=True) for item in result.content])

    async def tools_of_server(self) -> list[BaseTool]:
        """Return the server's tools with the names and descriptions from the node."""
        overrides = tool_overrides(self.values.get(TOOLS_METADATA))
        tools = [(tool, overrides.get(tool.name, {})) for tool in await self._tools()]
        return [self._as_tool(tool, row) for tool, row in tools if row.get("status") is not False]

    def output_method(self, output: Output) -> Any:
        """Return the method that computes an output's value. The toolset comes from the server."""
        return self.tools_of_server if output.method == "to_toolkit" else super().output_method(output)

    def _as_tool(self, tool: Tool, row: dict[str, Any]) -> BaseTool:
        from langchain_core.tools import StructuredTool, ToolException

        async def call(**arguments: Any) -> str:
            result = await self._connect().call(tool.name, arguments)
            if result.is_error:
                raise ToolException(text_of_result(result))
            return text_of_result(result)

        return StructuredTool(
            name=tool_name(str(row.get("name") or tool.name)),
            description=str(row.get("description") or tool.description or tool.name),
            args_schema=_described_schema(tool, described_arguments(row)),
            coroutine=call,
        )

    async def _tools(self) -> list[Tool]:
        return await self._connect().tools()

    def _connect(self) -> McpConnection:
        if self._connection is None:
            self._connection = McpConnection(parse_server(self.mcp_server), self.context.egress)
            self.context.on_close(self._connection.close)
        return self._connection

    @classmethod
    async def on_field_change(cls, node: dict[str, Any], field: str, editing: EditorContext) -> dict[str, Any]:
        """Return the node with the server's tools as options and a field for each argument of the selected tool."""
        template = node["template"]
        if field not in {"mcp_server", "tool", "tool_mode"} or not template["mcp_server"].get("value"):
            return node
        connection = McpConnection(parse_server(template["mcp_server"]["value"]), editing.egress)
        try:
            tools = await connection.tools()
        finally:
            connection.close()
        if node.get("tool_mode"):
            rows = [_row(tool) for tool in tools]
            return {**node, "template": {**template, TOOLS_METADATA: {**template[TOOLS_METADATA], "value": rows}}}
        names = [tool.name for tool in tools]
        selected = template["tool"].get("value") if template["tool"].get("value") in names else ""
        own_fields = {field.name for field in cls.inputs} | {"code", "_type"}
        fields = {name: value for name, value in template.items() if name in own_fields}
        fields["tool"] = {**fields["tool"], "options": names, "value": selected, "show": True}
        for tool in tools:
            if tool.name == selected:
                for name, schema in _properties(tool).items():
                    fields[name] = _with_previous_value(_argument_field(name, schema, tool), template.get(name))
        return {**node, "template": fields}


def _row(tool: Tool) -> dict[str, Any]:
    description = tool.description or tool.name
    return {
        "name": tool_name(tool.name),
        "description": description,
        "display_name": tool.title or tool.name,
        "display_description": description,
        "tags": [tool.name],
        "args": _properties(tool),
        "readonly": False,
        "status": True,
    }


def _described_schema(tool: Tool, descriptions: dict[str, str]) -> dict[str, Any]:
    """Return a tool's JSON schema with the node's descriptions of its arguments."""
    properties = {
        name: {**schema, "description": descriptions[name]}
        if name in descriptions and isinstance(schema, dict)
        else schema
        for name, schema in _properties(tool).items()
    }
    return {**tool.input_schema, "properties": properties}


def _properties(tool: Tool) -> dict[str, Any]:
    properties = tool.input_schema.get("properties")
    return properties if isinstance(properties, dict) else {}


def _argument_field(name: str, schema: dict[str, Any], tool: Tool) -> dict[str, Any]:
    """Return the field JSON of a tool's argument; its JSON schema determines the input class."""
    common = {
        "name": name,
        "display_name": str(schema.get("title") or name),
        "info": str(schema.get("description") or ""),
        "required": name in (tool.input_schema.get("required") or []),
    }
    if isinstance(schema.get("enum"), list):
        options = [str(option) for option in schema["enum"]]
        return DropdownInput(**common, options=options, value=schema.get("default", "")).to_json()
    input_class = _INPUT_CLASSES.get(str(schema.get("type")), MessageTextInput)
    default = {"value": schema["default"]} if schema.get("default") is not None else {}
    is_list = {"is_list": True} if schema.get("type") == "array" else {}
    return input_class(**common, **default, **is_list).to_json()


def _with_previous_value(field: dict[str, Any], previous: object) -> dict[str, Any]:
    return {**field, "value": previous["value"]} if isinstance(previous, dict) and previous.get("value") else field
