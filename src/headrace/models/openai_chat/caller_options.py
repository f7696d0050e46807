"""The options of a run's caller as members of a request body.

Source: https://platform.openai.com/docs/api-reference/chat/create
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.models.openai_chat.reasoning import is_reasoning_model
from headrace.models.request_options import UnsupportedOptionError

if TYPE_CHECKING:
    from headrace.models.request_options import ModelOptions, ResponseFormat

#: Sampling options that reasoning models reject, with the value that they accept.
_FIXED_OPTIONS = {"temperature": 1, "top_p": 1, "seed": None, "presence_penalty": 0, "frequency_penalty": 0}


def caller_members(options: ModelOptions, model: str) -> dict[str, Any]:
    """Return the members of a request body for a caller's options, apart from messages and tools.

    Raises:
        UnsupportedOptionError: the model rejects an option.

    """
    members: dict[str, Any] = {
        "temperature": options.temperature,
        "top_p": options.top_p,
        "max_tokens": options.max_output_tokens,
        "stop": list(options.stop) or None,
        "seed": options.seed,
        "presence_penalty": options.presence_penalty,
        "frequency_penalty": options.frequency_penalty,
        "reasoning_effort": options.reasoning_effort,
        "response_format": response_format_member(options.response_format),
    }
    members = {name: value for name, value in members.items() if value is not None}
    if is_reasoning_model(model):
        _check_fixed(members, model)
    return members


def response_format_member(form: ResponseFormat | None) -> dict[str, Any] | None:
    """Return the member `response_format`, or None for plain text."""
    if form is None or form.kind == "text":
        return None
    if form.kind == "json_object":
        return {"type": "json_object"}
    schema: dict[str, Any] = {"name": form.name or "answer", "schema": form.schema or {}}
    if form.description:
        schema["description"] = form.description
    if form.strict is not None:
        schema["strict"] = form.strict
    return {"type": "json_schema", "json_schema": schema}


def _check_fixed(members: dict[str, Any], model: str) -> None:
    """Remove the sampling options that a reasoning model does not take.

    Raises:
        UnsupportedOptionError: one has another value than the model's own.

    """
    for name, only in _FIXED_OPTIONS.items():
        if name in members and members.pop(name) != only:
            raise UnsupportedOptionError(
                name, f"The model {model} of this flow is a reasoning model and does not support this option. Omit it."
            )
