"""Inputs for dictionaries, tables, files and MCP servers."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from headrace.component.inputs.field import Input, ListableInput


class DictInput(ListableInput):
    """Key-value pairs."""

    field_type: str = Field(default="dict", serialization_alias="type")
    value: Any = Field(default_factory=dict)
    tool_mode: bool = False
    trace_as_input: bool = True


class NestedDictInput(ListableInput):
    """A JSON object."""

    field_type: str = Field(default="NestedDict", serialization_alias="type")
    value: Any = Field(default_factory=dict)
    tool_mode: bool = False
    trace_as_input: bool = True
    trace_as_metadata: bool = True


class TableInput(Input):
    """A table with the columns of `table_schema`."""

    field_type: str = Field(default="table", serialization_alias="type")
    is_list: bool = True
    list_add_label: str = "Add More"
    table_schema: dict[str, Any] | list[Any] | None = None
    table_options: dict[str, Any] | None = None
    table_icon: str = "Table"
    trigger_icon: str = "Table"
    trigger_text: str = "Open table"
    tool_mode: bool = False
    trace_as_metadata: bool = True


class FileInput(ListableInput):
    """Uploaded files; `file_path` holds their paths."""

    field_type: str = Field(default="file", serialization_alias="type")
    file_types: list[str] = Field(default_factory=list, alias="fileTypes")
    file_path: list[str] | str | None = ""
    temp_file: bool = False
    tool_mode: bool = False
    trace_as_metadata: bool = True


class McpInput(Input):
    """An MCP server."""

    field_type: str = Field(default="mcp", serialization_alias="type")
    value: Any = Field(default_factory=dict)
    trace_as_metadata: bool = True
