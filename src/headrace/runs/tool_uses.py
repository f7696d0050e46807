"""The tools that an agent used in a run, as clients of the OpenAI API read them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import orjson


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A tool that an agent used: what it was given, and what it gave."""

    name: str
    arguments: Any
    output: str

    def item(self, number: int, *, with_results: bool) -> dict[str, Any]:
        """Return it as Langflow's clients read it."""
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

    def function_call(self, response_id: str, number: int) -> dict[str, Any]:
        """Return it as OpenAI's SDK reads it."""
        return {
            "type": "function_call",
            "id": f"fc_{response_id}_{number}",
            "call_id": f"call_{response_id}_{number}",
            "name": self.name,
            "arguments": orjson.dumps(self.arguments).decode(),
            "status": "completed",
        }


def tool_uses(content_blocks: Iterable[dict[str, Any]]) -> list[ToolUse]:
    """Return the tools that have been used, from a message's content blocks."""
    steps = [step for block in content_blocks for step in block.get("contents", []) if step.get("type") == "tool_use"]
    return [
        ToolUse(step["name"], step["tool_input"], step["error"] or step["output"])
        for step in steps
        if step["error"] is not None or step["output"] is not None
    ]


def tool_uses_of(answer: dict[str, Any]) -> list[ToolUse]:
    """Return the tools that were used on the way to a run's answer."""
    results = [r for run in answer["outputs"] for output in run["outputs"] for r in output["results"].values()]
    blocks = [b for r in results if isinstance(r, dict) for b in r.get("content_blocks") or []]
    return tool_uses(blocks)
