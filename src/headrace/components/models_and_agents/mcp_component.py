"""MCP Tools: the tools of a Model Context Protocol (MCP) server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.component import (
    BoolInput,
    Component,
    DropdownInput,
    McpInput,
    MessageTextInput,
    Output,
)
from headrace.component.component import ComponentError
from headrace.component.tools import TOOLS_METADATA, described_arguments, tool_name, tool_overrides
from headrace.mcp.argument_fields import argument_field, arguments_from_values, field_names, properties_of
from headrace.mcp.client import text_of_result

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool
    from mcp.types import Tool

    from headrace.component.context import McpTools
    from headrace.component.editor_context import EditorContext
    from headrace.schema.dataframe import DataFrame

#: Fields of a node that are not inputs. No argument of a tool may replace them.
_OTHER_FIELDS = frozenset({"code", "_type", "tool_mode", TOOLS_METADATA})


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
            info="MCP server to use: the name of a stored server as {name}, or {name, config: {url, headers}}.",
        ),
        BoolInput(
            name="use_cache",
            display_name="Use Cached Server",
            advanced=True,
            info="Has no effect. The runs of a user share connections.",
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

    _server: McpTools | None = None

    async def build_output(self) -> DataFrame:
        """Call the selected tool and return a table with a row for each content item of its result.

        Raises:
            ComponentError: no tool is selected, the server does not have the tool, or the tool failed.
            McpError: the server cannot be used.

        """
        from headrace.schema.table import dataframe

        server = await self._connect()
        tool = next((t for t in await server.tools() if t.name == self.tool), None)
        if tool is None:
            raise ComponentError(f"The MCP server has no tool {self.tool!r}. Select one under Tool.")
        result = await server.call(tool.name, arguments_from_values(tool, self._own_fields(), self.values))
        if result.is_error:
            raise ComponentError(f"{tool.name}: {text_of_result(result)}")
        return dataframe([item.model_dump(mode="json", exclude_none=True) for item in result.content])

    async def tools_of_server(self) -> list[BaseTool]:
        """Return the server's tools with the names and descriptions from the node."""
        overrides = tool_overrides(self.values.get(TOOLS_METADATA))
        server = await self._connect()
        tools = [(tool, overrides.get(tool.name, {})) for tool in await server.tools()]
        return [_as_tool(server, tool, row) for tool, row in tools if row.get("status") is not False]

    def output_method(self, output: Output) -> Any:
        """Return the method that computes an output's value. The toolset comes from the server."""
        return self.tools_of_server if output.method == "to_toolkit" else super().output_method(output)

    async def _connect(self) -> McpTools:
        if self._server is None:
            self._server = await self.context.mcp_server(self.mcp_server)
        return self._server

    @classmethod
    def _own_fields(cls) -> frozenset[str]:
        return _OTHER_FIELDS | {field.name for field in cls.inputs}

    @classmethod
    async def on_field_change(cls, node: dict[str, Any], field: str, editing: EditorContext) -> dict[str, Any]:
        """Return the node with the server's tools as options and a field for each argument of the selected tool."""
        template = node["template"]
        if field not in {"mcp_server", "tool", "tool_mode"} or not template["mcp_server"].get("value"):
            return node
        server = await editing.mcp_server(template["mcp_server"]["value"])
        tools = await server.tools()
        if node.get("tool_mode"):
            rows = [_row(tool) for tool in tools]
            return {**node, "template": {**template, TOOLS_METADATA: {**template[TOOLS_METADATA], "value": rows}}}
        names = [tool.name for tool in tools]
        selected = template["tool"].get("value") if template["tool"].get("value") in names else ""
        own_fields = cls._own_fields()
        fields = {name: value for name, value in template.items() if name in own_fields}
        fields["tool"] = {**fields["tool"], "options": names, "value": selected, "show": True}
        for tool in tools:
            if tool.name == selected:
                for argument, name in field_names(tool, own_fields).items():
                    fields[name] = _with_previous_value(argument_field(argument, name, tool), template.get(name))
        return {**node, "template": fields}


def _as_tool(server: McpTools, tool: Tool, row: dict[str, Any]) -> BaseTool:
    from langchain_core.tools import StructuredTool, ToolException

    async def call(**arguments: Any) -> str:
        result = await server.call(tool.name, arguments)
        if result.is_error:
            raise ToolException(text_of_result(result))
        return text_of_result(result)

    return StructuredTool(
        name=tool_name(str(row.get("name") or tool.name)),
        description=str(row.get("description") or tool.description or tool.name),
        args_schema=_described_schema(tool, described_arguments(row)),
        coroutine=call,
    )


def _row(tool: Tool) -> dict[str, Any]:
    description = tool.description or tool.name
    return {
        "name": tool_name(tool.name),
        "description": description,
        "display_name": tool.title or tool.name,
        "display_description": description,
        "tags": [tool.name],
        "args": properties_of(tool),
        "readonly": False,
        "status": True,
    }


def _described_schema(tool: Tool, descriptions: dict[str, str]) -> dict[str, Any]:
    """Return a tool's JSON schema with the node's descriptions of its arguments."""
    properties = {
        name: {**schema, "description": descriptions[name]}
        if name in descriptions and isinstance(schema, dict)
        else schema
        for name, schema in properties_of(tool).items()
    }
    return {**tool.input_schema, "properties": properties}


def _with_previous_value(field: dict[str, Any], previous: object) -> dict[str, Any]:
    return {**field, "value": previous["value"]} if isinstance(previous, dict) and previous.get("value") else field
