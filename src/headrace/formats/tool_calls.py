"""The tool calls of agents, as clients of the OpenAI API read them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from headrace.schema import Message

if TYPE_CHECKING:
    from headrace.graph.result import RunResult


@dataclass(frozen=True, slots=True)
class ToolCallRecord:
    """A finished tool call: the tool's name, its arguments and its output."""

    name: str
    arguments: Any
    output: str

    def item(self, number: int, *, with_results: bool) -> dict[str, Any]:
        """Return the item for Langflow clients; with `with_results`, it contains the output."""
        body = {
            "type": "tool_call",
            "id": f"{self.name}_{number}",
            "status": "completed",
            "tool_name": self.name,
            "name": self.name,
            "inputs": self.arguments,
            "queries": [v for v in self.arguments.values() if isinstance(v, str)]
            if isinstance(self.arguments, dict)
            else [],
        }
        return {**body, "results": {"result": self.output}} if with_results else body

    def mcp_call(self, item_id: str) -> dict[str, Any]:
        """Return the item for clients of the OpenAI API: a call that the server has made, which the client must not repeat."""
        return {
            "type": "mcp_call",
            "id": item_id,
            "server_label": "flow",
            "name": self.name,
            "arguments": orjson.dumps(self.arguments).decode(),
            "output": self.output,
            "error": None,
            "status": "completed",
        }


def finished_tool_calls(content_blocks: Iterable[dict[str, Any]]) -> list[ToolCallRecord]:
    """Return the finished tool calls in a message's content blocks."""
    steps = [step for block in content_blocks for step in block.get("contents", []) if step.get("type") == "tool_use"]
    return [
        ToolCallRecord(step["name"], step["tool_input"], step["error"] or step["output"])
        for step in steps
        if step["error"] is not None or step["output"] is not None
    ]


def answer_tool_calls(result: RunResult) -> list[ToolCallRecord]:
    """Return the tool calls in the messages among a run's answers."""
    values = [value for vertex in result.answers for value in vertex.outputs.values()]
    return finished_tool_calls(
        [block for value in values if isinstance(value, Message) for block in value.content_blocks]
    )
