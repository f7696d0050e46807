"""An agent's steps as a chat shows them: an entry a call, in a content block of its message."""

from __future__ import annotations

from typing import Any

#: The block's title.
STEPS = "Agent Steps"


def steps_block(steps: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the content block for steps, which go on to grow."""
    return {"title": STEPS, "contents": steps, "allow_markdown": True, "media_url": None}


def step_begun(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the entry of a tool that is being used."""
    return {
        "type": "tool_use",
        "name": name,
        "tool_input": arguments,
        "output": None,
        "error": None,
        "header": {"title": f"Accessing **{name}**", "icon": "Hammer"},
        "duration": 0,
    }


def end_step(step: dict[str, Any]) -> None:
    """Mark an entry's tool as used."""
    step["header"] = {"title": f"Executed **{step['name']}**", "icon": "Hammer"}
