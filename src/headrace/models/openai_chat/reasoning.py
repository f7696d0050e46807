"""Recognize reasoning models, which accept different options.

Source: https://platform.openai.com/docs/guides/reasoning
"""

from __future__ import annotations

REASONING_PREFIXES = ("o1", "o3", "o4", "gpt-5")
#: The prefix of models that belong to a reasoning family by name but do not reason.
_CHAT_PREFIX = "gpt-5-chat"
#: The prefixes of models whose instructions have the role `developer`.
_DEVELOPER_PREFIXES = ("o1", "o3", "o4")


def is_reasoning_model(model: str) -> bool:
    """Return whether a model rejects sampling options and `max_tokens`."""
    return model.startswith(REASONING_PREFIXES) and not model.startswith(_CHAT_PREFIX)


def system_role(model: str) -> str:
    """Return the role of a model's instructions: `system` or `developer`."""
    return "developer" if model.startswith(_DEVELOPER_PREFIXES) else "system"
