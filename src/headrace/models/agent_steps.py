"""Build the steps of an agent for display in a chat: one entry per tool call, in a content block of the message."""

from __future__ import annotations

from typing import Any

STEPS_TITLE = "Agent Steps"


def steps_block(steps: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the content block of a list of steps. The block refers to the list, which grows while the agent runs."""
    return {"title": STEPS_TITLE, "contents": steps, "allow_markdown": True, "media_url": None}


def create_step(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the entry of a tool call that has started."""
    return {
        "type": "tool_use",
        "name": name,
        "tool_input": arguments,
        "output": None,
        "error": None,
        "header": {"title": f"Accessing **{name}**", "icon": "Hammer"},
        "duration": 0,
    }


def finish_step(step: dict[str, Any]) -> None:
    """Mark the tool call of an entry as finished."""
    step["header"] = {"title": f"Executed **{step['name']}**", "icon": "Hammer"}
