"""The types of fields, as the `type` of a field in a node's template states them."""

from __future__ import annotations

from enum import StrEnum


class FieldTypes(StrEnum):
    """The types of fields."""

    TEXT = "str"
    INTEGER = "int"
    PASSWORD = "str"
    FLOAT = "float"
    BOOLEAN = "bool"
    DICT = "dict"
    NESTED_DICT = "NestedDict"
    SORTABLE_LIST = "sortableList"
    FILE = "file"
    PROMPT = "prompt"
    CODE = "code"
    OTHER = "other"
    TABLE = "table"
    LINK = "link"
    SLIDER = "slider"
    TAB = "tab"
    QUERY = "query"
    TOOLS = "tools"
    MCP = "mcp"


class EditMode(StrEnum):
    """How the editor opens a table cell for editing."""

    MODAL = "modal"
    POPOVER = "popover"
    INLINE = "inline"
