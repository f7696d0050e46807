"""Limits of the tools that an MCP server describes. A description is untrusted: it may be large, deep or malicious."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mcp.types import Tool

log = logging.getLogger(__name__)

#: Length of the name of a tool or of an argument, in characters.
MAX_NAME_LENGTH = 128
#: Length of the description of a tool, and of any other text in its schema, in characters. Longer texts are cut.
MAX_DESCRIPTION_LENGTH = 4000
#: Arguments of a tool.
MAX_ARGUMENTS = 100
#: Nesting of a schema, and the number of its values.
MAX_SCHEMA_DEPTH = 20
MAX_SCHEMA_VALUES = 2000


class SchemaTooLargeError(Exception):
    """The schema of a tool exceeds a limit."""


def usable_tools(server: str, tools: list[Tool]) -> list[Tool]:
    """Return the tools within the limits, with shortened texts. The log names the others."""
    usable: dict[str, Tool] = {}
    for tool in tools:
        try:
            bounded = _bounded_tool(tool)
        except SchemaTooLargeError as error:
            log.warning("MCP server %s: the tool %.128r is left out: %s", server, tool.name, error)
        else:
            usable.setdefault(bounded.name, bounded)
    return list(usable.values())


def _bounded_tool(tool: Tool) -> Tool:
    if not tool.name or len(tool.name) > MAX_NAME_LENGTH:
        raise SchemaTooLargeError(f"its name does not have 1 to {MAX_NAME_LENGTH} characters")
    properties = tool.input_schema.get("properties")
    if isinstance(properties, dict):
        if len(properties) > MAX_ARGUMENTS:
            raise SchemaTooLargeError(f"it has more than {MAX_ARGUMENTS} arguments")
        if any(not name or len(name) > MAX_NAME_LENGTH for name in properties):
            raise SchemaTooLargeError(f"the name of an argument does not have 1 to {MAX_NAME_LENGTH} characters")
    return tool.model_copy(
        update={
            "description": (tool.description or "")[:MAX_DESCRIPTION_LENGTH],
            "title": tool.title[:MAX_NAME_LENGTH] if tool.title else None,
            "input_schema": _bounded(tool.input_schema, [0], 0),
            "output_schema": None,
        }
    )


def _bounded(value: Any, count: list[int], depth: int) -> Any:
    count[0] += 1
    if count[0] > MAX_SCHEMA_VALUES:
        raise SchemaTooLargeError(f"its schema has more than {MAX_SCHEMA_VALUES} values")
    if depth > MAX_SCHEMA_DEPTH:
        raise SchemaTooLargeError(f"its schema is nested more than {MAX_SCHEMA_DEPTH} levels deep")
    if isinstance(value, dict):
        return {str(key)[:MAX_NAME_LENGTH]: _bounded(inner, count, depth + 1) for key, inner in value.items()}
    if isinstance(value, list):
        return [_bounded(inner, count, depth + 1) for inner in value]
    return value[:MAX_DESCRIPTION_LENGTH] if isinstance(value, str) else value
