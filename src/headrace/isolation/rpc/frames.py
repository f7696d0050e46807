"""Divide a frame into parts of limited size, and build it from them again, so that no frame blocks an event loop.

A frame is a JSON value. A small one is one part. A larger one is a program for a stack machine, with one instruction per part:

    ======== ============== ============================================================================
    kind     body           effect
    ======== ============== ============================================================================
    `V`      JSON           Push the value.
    `T`      UTF-8          Push the text.
    `S`      number         Pop as many texts and push them as one text.
    `L`      number         Pop as many lists and push them as one list.
    `D`      number         Pop as many objects and push them as one object.
    `I`      empty          Pop a value and push a list with it.
    `E`      text           Pop a value and push an object with it under this key.
    ======== ============== ============================================================================

On the wire, a part is five bytes, the length of its body (unsigned, big-endian) and its kind, and then the body. The kind of the
last part of a frame is in lower case.

The limits hold before objects are built: a body is parsed only if it is small, and a frame is dropped as soon as its parts have too
many bytes or values.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from headrace.errors import HeadraceError

#: Size of a part, in bytes.
MAX_PART_BYTES = 256 << 10
#: Texts are divided into pieces of this length, in characters of at most four bytes.
_PIECE_LENGTH = MAX_PART_BYTES // 4
#: Values of a part that a sender groups. JSON of this size parses in about a millisecond.
_PART_VALUES = 10_000
#: Values of a frame that is sent as one part.
SMALL_VALUES = 2_000
#: Values of a message in a notification, which is decoded on the event loop.
MAX_NOTIFICATION_VALUES = 10_000
#: Size of the values of a part, in bytes; the rest is room for separators.
_PART_TEXT_BYTES = MAX_PART_BYTES // 2
#: Bytes that a text of one character may have in JSON: `\\u0001`.
_MAX_ESCAPE_BYTES = 6
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\Z)', re.DOTALL)


@dataclass(frozen=True, slots=True)
class FrameLimits:
    """The limits of a frame in either direction."""

    #: Size of all parts, in MiB.
    max_value_mib: int = 64
    #: Values in it: texts, numbers, lists, objects and keys.
    max_value_items: int = 1_000_000


class FrameTooLargeError(HeadraceError):
    """A frame exceeds its limits."""

    def __init__(self, limits: FrameLimits) -> None:
        super().__init__(
            f"The value has more than {limits.max_value_mib} MiB or {limits.max_value_items} items, the limits for values to and from "
            "isolated code. An operator can raise HEADRACE_CODE_MAX_VALUE_MIB and HEADRACE_CODE_MAX_VALUE_ITEMS."
        )


Part = tuple[str, bytes]


def is_small(value: object) -> bool:
    """Return whether a JSON value can be encoded and decoded on an event loop: few values and short texts."""
    return _size(value, _PART_TEXT_BYTES // 2, SMALL_VALUES) is not None


def has_few_values(value: object) -> bool:
    """Return whether a JSON value can be decoded on an event loop, however long its texts are."""
    return _size(value, sys.maxsize, MAX_NOTIFICATION_VALUES) is not None


def _size(value: object, max_bytes: int, max_values: int) -> tuple[int, int] | None:
    """Return bytes and number of the values in a JSON value, or None if they exceed a limit. Looks at no more than that."""
    size = count = 0
    rest = [value]
    while rest:
        item = rest.pop()
        count += 1
        if isinstance(item, str):
            size += len(item)
        elif isinstance(item, dict):
            count += len(item)
            if count + len(rest) > max_values:
                return None
            rest.extend(item.values())
            size += sum(len(key) if isinstance(key, str) else 20 for key in item)
        elif isinstance(item, (list, tuple)):
            if count + len(item) + len(rest) > max_values:
                return None
            rest.extend(item)
        else:
            size += 20
        if size > max_bytes or count > max_values:
            return None
    return size, count


def divide(value: Any) -> Iterator[Part]:
    """Yield the parts of a frame.

    Raises:
        orjson.JSONEncodeError: the value is not JSON.

    """
    if _size(value, _PART_TEXT_BYTES, _PART_VALUES) is not None:
        body = orjson.dumps(value)
        if len(body) <= MAX_PART_BYTES:
            yield "V", body
            return
    if isinstance(value, str):
        yield from _divide_text(value)
    elif isinstance(value, dict):
        yield from _divide_object(value)
    elif isinstance(value, (list, tuple)):
        yield from _divide_list(value)
    else:
        yield "V", orjson.dumps(value)


def _divide_text(text: str) -> Iterator[Part]:
    starts = range(0, len(text), _PIECE_LENGTH)
    for start in starts:
        # Not `encode`: the error for half of a surrogate pair must be that of JSON.
        piece = orjson.loads(orjson.dumps(text[start : start + _PIECE_LENGTH]))
        yield "T", piece.encode()
    yield "S", b"%d" % len(starts)


def _divide_list(items: Any) -> Iterator[Part]:
    number = 0
    for group in _groups(list(items)):
        number += 1
        if len(group) == 1:
            yield from divide(group[0])
            yield "I", b""
        else:
            yield "V", orjson.dumps(group)
    yield "L", b"%d" % number


def _divide_object(fields: dict[str, Any]) -> Iterator[Part]:
    number = 0
    names = list(fields)
    for group in _groups([[name, fields[name]] for name in names]):
        number += 1
        if len(group) == 1:
            [[name, value]] = group
            yield from divide(value)
            yield "E", orjson.loads(orjson.dumps(name)).encode()
        else:
            yield "V", orjson.dumps(dict(group))
    yield "D", b"%d" % number


def _groups(items: list[Any]) -> Iterator[list[Any]]:
    """Yield consecutive items in groups that fit a part, and large items alone."""
    group: list[Any] = []
    size = count = 0
    for item in items:
        measured = _size(item, _PART_TEXT_BYTES // _MAX_ESCAPE_BYTES, _PART_VALUES)
        if group and (
            measured is None
            or size + measured[0] > _PART_TEXT_BYTES // _MAX_ESCAPE_BYTES
            or count + measured[1] > _PART_VALUES
        ):
            yield group
            group, size, count = [], 0, 0
        group.append(item)
        if measured is None:
            yield group
            group = []
        else:
            size, count = size + measured[0], count + measured[1]
    if group:
        yield group


class FrameMeter:
    """Counts the bytes and values of one frame."""

    def __init__(self, limits: FrameLimits) -> None:
        """Create a meter at zero."""
        self._limits = limits
        self._bytes = self._values = 0

    def add(self, kind: str, body: bytes) -> None:
        """Count a part.

        Raises:
            FrameTooLargeError: the parts exceed the limits.

        """
        self._bytes += len(body)
        self._values += _count_values(body) if kind == "V" else 1
        too_large = self._bytes > self._limits.max_value_mib << 20 or self._values > self._limits.max_value_items
        if too_large or len(body) > MAX_PART_BYTES:
            raise FrameTooLargeError(self._limits)


class FrameBuilder:
    """Builds one frame from its parts."""

    def __init__(self, limits: FrameLimits) -> None:
        """Create a builder without parts."""
        self._meter = FrameMeter(limits)
        self._max_copied_bytes = 2 * limits.max_value_mib << 20
        self._stack: list[Any] = []

    def add(self, kind: str, body: bytes) -> None:
        """Add a part.

        Raises:
            FrameTooLargeError: the parts exceed the limits.
            ValueError: the part is not valid.

        """
        self._meter.add(kind, body)
        if kind == "V":
            self._stack.append(orjson.loads(body))
        elif kind == "T":
            self._stack.append(body.decode())
        elif kind == "I":
            self._stack.append([self._stack.pop()])
        elif kind == "E":
            self._stack.append({body.decode(): self._stack.pop()})
        else:
            self._stack.append(self._join(kind, int(body[:8])))

    def _join(self, kind: str, number: int) -> Any:
        """Return the last values of the stack as one text, list or object, and remove them from the stack."""
        start = len(self._stack) - number
        if start < 0:
            raise ValueError("A frame joins more values than it has.")
        values = self._stack[start:]
        del self._stack[start:]
        if kind == "S":
            text = "".join(values)
            # A text that is joined again and again is copied each time.
            self._max_copied_bytes -= len(text)
            if self._max_copied_bytes < 0:
                raise ValueError("A frame joins the same text too often.")
            return text
        joined: Any = {} if kind == "D" else []
        if kind not in ("D", "L") or any(type(value) is not type(joined) for value in values):
            raise ValueError(f"A frame has an invalid part of kind {kind!r}.")
        if values:
            joined = values[0]
        for value in values[1:]:
            joined.update(value) if kind == "D" else joined.extend(value)
        return joined

    def finish(self) -> Any:
        """Return the frame.

        Raises:
            ValueError: the parts are not one value.

        """
        [value] = self._stack
        return value


def _count_values(body: bytes) -> int:
    """Return an upper bound of the number of values in JSON."""
    count = 1 + _count_separators(body)
    # Texts contain separators too.
    return count if count < SMALL_VALUES else 1 + _count_separators(_STRING.sub(b"", body))


def _count_separators(body: bytes) -> int:
    return body.count(b",") + body.count(b":") + body.count(b"[") + body.count(b"{")
