"""The result of a run as the answer of an MCP tool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from headrace.formats.langflow import value_json
from headrace.formats.openai.outcome import answer_text
from headrace.mcp.provider import ToolAnswer
from headrace.schema.message import Message

if TYPE_CHECKING:
    from headrace.graph.result import RunResult

#: The JSON Schema of the structured result.
OUTPUT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "result": {"type": "string", "description": "The text of the flow's first message."},
        "session_id": {"type": "string", "description": "The session of the run."},
        "outputs": {
            "type": "array",
            "description": "The values of the flow's outputs.",
            "items": {
                "type": "object",
                "properties": {
                    "component_id": {"type": "string"},
                    "component": {"type": "string", "description": "The name of the component."},
                    "output": {"type": "string"},
                    "value": {"description": "The text of a message, or another value as JSON."},
                },
                "required": ["component_id", "component", "output", "value"],
            },
        },
    },
    "required": ["result", "session_id", "outputs"],
}


def tool_answer(result: RunResult) -> ToolAnswer:
    """Return the answer of a run: a text for each output, and the values of all outputs as JSON."""
    outputs = [
        {
            "component_id": vertex.vertex_id,
            "component": vertex.display_name,
            "output": name,
            "value": value.text if isinstance(value, Message) else value_json(value),
        }
        for vertex in result.answers
        for name, value in vertex.outputs.items()
    ]
    structured = {"result": answer_text(result), "session_id": result.session_id, "outputs": outputs}
    return ToolAnswer([_text(output["value"]) for output in outputs], structured)


def _text(value: object) -> str:
    return value if isinstance(value, str) else orjson.dumps(value, default=str).decode()
