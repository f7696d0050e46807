"""Validation problems as they appear in a response: a few of them, without the large values that caused them."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: The maximum number of problems in a response; the client fixes these and sees the others next.
MAX_PROBLEMS = 20
#: The maximum size of all problems in a response, in bytes.
MAX_PROBLEM_BYTES = 16_384
#: The maximum length of a text in a problem, and of the message of any error.
MAX_TEXT_CHARACTERS = 500
MAX_MESSAGE_CHARACTERS = 10_000
_MAX_PREVIEW_ITEMS = 5
_MAX_PREVIEW_DEPTH = 3
_CUT = "…"


def bounded_problems(problems: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the first problems of a validation as JSON values, with the beginning of each rejected value."""
    bounded: list[dict[str, Any]] = []
    remaining_bytes = MAX_PROBLEM_BYTES
    for problem in problems[:MAX_PROBLEMS]:
        body = {str(key): _preview(value) for key, value in problem.items()}
        if "ctx" in problem:
            # Exceptions have no form in JSON.
            body["ctx"] = {k: {} if isinstance(v, Exception) else _preview(v) for k, v in problem["ctx"].items()}
        # `loc` is complete for all fields of the API; keys that a client has made up are cut.
        body["loc"] = [_preview(part) for part in problem["loc"][: _MAX_PREVIEW_ITEMS * _MAX_PREVIEW_DEPTH]]
        size = len(orjson.dumps(body))
        if size > remaining_bytes:
            if bounded:
                break
            body["input"] = None
        remaining_bytes -= size
        bounded.append(body)
    return bounded


def cut_message(message: str) -> str:
    """Return an error message, cut to the maximum length."""
    return message if len(message) <= MAX_MESSAGE_CHARACTERS else message[:MAX_MESSAGE_CHARACTERS] + _CUT


def cut_text(text: str) -> str:
    """Return a text of a request for a message, cut to the length of a text in a problem."""
    return text if len(text) <= MAX_TEXT_CHARACTERS else text[:MAX_TEXT_CHARACTERS] + _CUT


def _preview(value: object, depth: int = _MAX_PREVIEW_DEPTH) -> object:
    """Return a JSON value with the beginning of this one."""
    if value is None or isinstance(value, (bool, float)):
        return value
    if isinstance(value, int):
        # orjson writes integers of 64 bits.
        return value if -(1 << 63) <= value < 1 << 64 else str(value)[:MAX_TEXT_CHARACTERS]
    if isinstance(value, dict):
        if depth == 0:
            return {}
        return {str(_preview(str(k))): _preview(v, depth - 1) for k, v in islice(value.items(), _MAX_PREVIEW_ITEMS)}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [] if depth == 0 else [_preview(v, depth - 1) for v in islice(value, _MAX_PREVIEW_ITEMS)]
    return cut_text(value if isinstance(value, str) else str(value))
