"""Strict JSON: RFC 8259, with limits on nesting and on the number of values.

The limits protect the server twice: a parsed value takes up to thirty times as much memory as its text, and code that
walks a value recursively fails at a depth that depends on the code. Bodies that are small or flat pay for two counts of
bytes. Other bodies are scanned with operations on whole bytes objects, which run at the speed of C.
"""

from __future__ import annotations

from array import array
from itertools import accumulate
from typing import Any

import orjson

from headrace.errors import BadRequestError

#: The maximum nesting of arrays and objects. Flows of Langflow have about fifteen levels.
MAX_JSON_DEPTH = 100
#: The maximum number of values in a JSON text, an array or object counting as one. A node of a flow has about a thousand.
MAX_JSON_VALUES = 500_000

#: A text this short cannot be nested deeper than `MAX_JSON_DEPTH`, since each level takes two characters.
_ALWAYS_SHALLOW_BYTES = 2 * MAX_JSON_DEPTH
_NOT_STRUCTURE = bytes(set(range(256)) - set(b"[]{},"))
#: Brackets as signed bytes: 1 for an opening one and -1 for a closing one.
_STEPS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")


class InvalidBodyError(BadRequestError):
    """The body is not valid JSON, exceeds a limit of JSON, or contains characters that cannot be stored."""


def strict_json(body: bytes, source: str = "The request's body") -> Any:
    """Parse JSON strictly by RFC 8259: UTF-8 without lone surrogates and NaN. NUL characters are rejected too.

    Args:
        body: the JSON text.
        source: the subject of error messages.

    Raises:
        InvalidBodyError: The text is not such JSON, or exceeds a limit. The message contains the position or the limit.

    """
    if len(body) > _ALWAYS_SHALLOW_BYTES:
        _check_limits(body, source)
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidBodyError(f"{source} is not JSON: {error}") from error
    if b"\\u0000" in body:
        raise InvalidBodyError(f"{source} contains a NUL character (\\u0000), which cannot be stored. Remove it.")
    return parsed


def count_json_values(body: bytes) -> int:
    """Return the number of values in a JSON text, or a higher number if the text is not valid JSON."""
    return _count_values(_structure(body))


def _check_limits(body: bytes, source: str) -> None:
    brackets = body.count(b"[") + body.count(b"{")
    if brackets <= MAX_JSON_DEPTH and (len(body) <= MAX_JSON_VALUES or body.count(b",") < MAX_JSON_VALUES - brackets):
        return
    structure = _structure(body)
    if _count_values(structure) > MAX_JSON_VALUES:
        raise InvalidBodyError(f"{source} contains more than {MAX_JSON_VALUES} JSON values. Split it.")
    if _is_too_deep(structure):
        raise InvalidBodyError(f"{source} is nested deeper than {MAX_JSON_DEPTH} levels. Flatten it.")


def _structure(body: bytes) -> bytes:
    """Return the brackets and commas of a JSON text that are outside of its strings."""
    if b"\\" in body:
        # A backslash occurs only in strings, and the first one of a row starts an escape sequence.
        body = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    if body.count(b'"') > 4 * MAX_JSON_VALUES:
        # Each value has at most two strings, its name and itself. More strings are too many values, wherever the commas are.
        return b"," * (MAX_JSON_VALUES + 1)
    return b"".join(body.split(b'"')[::2]).translate(None, _NOT_STRUCTURE)


def _count_values(structure: bytes) -> int:
    return 1 + structure.count(b",") + structure.count(b"[") + structure.count(b"{")


def _is_too_deep(structure: bytes) -> bool:
    """Return whether brackets are nested too deep. Brackets that do not match are left to the parser."""
    steps = array("b", structure.translate(_STEPS, b","))
    return max(accumulate(steps), default=0) > MAX_JSON_DEPTH


def with_serializable_depth(value: Any) -> Any:
    """Return a stored JSON value that can be written as JSON; containers that are nested too deep become null.

    Values that were stored by earlier versions, or by other programs, may be deeper than the server accepts today. orjson
    refuses to write more than 254 levels, which is the fastest test of the depth: it writes 1 MB per millisecond. The
    lists around the value have the depth of the response around it, since pydantic fails at 255 levels.
    """
    try:
        orjson.dumps([[[[[[[[value]]]]]]]])
    except orjson.JSONEncodeError:
        return _cut_depth(value, MAX_JSON_DEPTH)
    return value


def _cut_depth(value: Any, depth: int) -> Any:
    if isinstance(value, dict):
        return {k: _cut_depth(v, depth - 1) for k, v in value.items()} if depth else None
    if isinstance(value, list):
        return [_cut_depth(v, depth - 1) for v in value] if depth else None
    return value
