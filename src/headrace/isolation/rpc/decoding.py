"""Decode values of ports from JSON that `encoding` wrote. The JSON may come from untrusted code.

Decoding creates values of the classes listed in `encoding` only; nothing is unpickled or executed. References to objects are read by
the caller's `Resolve` function; see `object_table`.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from headrace.errors import HeadraceError
from headrace.isolation.rpc.encoding import MAX_DEPTH, TAG
from headrace.isolation.rpc.frames import is_small
from headrace.isolation.rpc.untrusted_keys import build_dict, build_set
from headrace.schema import Data, Message

#: Lists and objects in the JSON of a value: a container is up to three levels of JSON.
MAX_DECODED_DEPTH = 3 * MAX_DEPTH
#: Digits of a number. Python parses longer ones slowly, and refuses them by default.
MAX_DIGITS = 4300
#: Length of the piece of Base64 that is decoded at once, in characters; a multiple of four.
_BASE64_PIECE = 256 << 10
#: Columns of other dtypes keep the dtype that pandas infers from their cells.
_RESTORED_DTYPES = ("int", "float", "datetime", "bool", "timedelta")

#: Returns the object for kind and operands of a reference.
Resolve = Callable[[list[Any]], Any]


class InvalidValueError(HeadraceError):
    """A worker sent a value that is not valid."""

    def __init__(self, error: Exception) -> None:
        super().__init__(f"Isolated code returned a value that the server does not accept: {error}")


def decode(raw: Any, resolve: Resolve, depth: int = 0) -> Any:
    """Return the value for JSON that `encode` wrote.

    Args:
        raw: the JSON.
        resolve: returns the object for a reference. `list` returns references unresolved.
        depth: the number of containers around the value.

    Raises:
        ValueError: an operand is not valid for its kind, or the value is nested too deeply.

    """
    if depth > MAX_DECODED_DEPTH:
        raise ValueError(f"A value is nested more than {MAX_DECODED_DEPTH} levels deep.")
    inner = depth + 1
    if isinstance(raw, list):
        return [decode(v, resolve, inner) for v in raw]
    if not isinstance(raw, dict):
        return raw
    if TAG not in raw:
        return {k: decode(v, resolve, inner) for k, v in raw.items()}
    kind, *operands = raw[TAG]
    decoder = _DECODERS.get(kind)
    return decoder(operands, resolve, inner) if decoder is not None else resolve([kind, *operands])


async def decode_untrusted(raw: Any, decode_value: Callable[[Any], Any]) -> Any:
    """Decode a value of a worker, in a thread if it is large, so that the event loop does other work meanwhile.

    Args:
        raw: the JSON.
        decode_value: decodes it.

    Raises:
        InvalidValueError: the JSON is not that of a value.

    """
    try:
        return decode_value(raw) if is_small(raw) else await asyncio.to_thread(decode_value, raw)
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as error:
        raise InvalidValueError(error) from error


def _short(number: Any) -> str:
    """Return the text of a number if it is short enough to be parsed quickly."""
    text = str(number)
    if len(text) > MAX_DIGITS:
        raise ValueError(f"A number has more than {MAX_DIGITS} digits.")
    return text


def _decode_decimal(text: Any) -> Decimal:
    number = Decimal(_short(text))
    exponent = number.as_tuple().exponent
    # As an integer, a number with a large exponent takes all memory.
    if isinstance(exponent, int) and exponent > MAX_DIGITS:
        raise ValueError(f"A number has more than {MAX_DIGITS} digits.")
    return number


def _decode_bytes(text: str) -> bytes:
    # In pieces, between which other threads can run.
    return b"".join(
        base64.b64decode(text[start : start + _BASE64_PIECE]) for start in range(0, len(text), _BASE64_PIECE)
    )


def _decode_message(operands: list[Any], resolve: Resolve, depth: int) -> Message:
    return Message(**{**decode(operands[0], resolve, depth), "data": decode(operands[1], resolve, depth)})


def _decode_data(operands: list[Any], resolve: Resolve, depth: int) -> Data:
    data, default_value = (decode(operand, resolve, depth) for operand in operands[1:3])
    return Data(text_key=operands[0], data=data, default_value=default_value)


def _decode_dataframe(operands: list[Any], resolve: Resolve, depth: int) -> Any:
    import pandas

    from headrace.schema.dataframe import DataFrame

    columns, index = operands
    labels = [_decode_key(decode(name, resolve, depth)) for name, _, _ in columns]
    cells = [decode(column, resolve, depth) for _, _, column in columns]
    table = DataFrame(build_dict(zip(labels, cells, strict=True)))
    if index is not None:
        table.index = decode(index, resolve, depth)
    for label, (_, dtype, _) in zip(labels, columns, strict=True):
        if str(table[label].dtype) != dtype and dtype.startswith(_RESTORED_DTYPES):
            table[label] = (
                pandas.to_datetime(table[label]) if dtype.startswith("datetime") else table[label].astype(dtype)
            )
    return table


def _decode_document(operands: list[Any], resolve: Resolve, depth: int) -> Any:
    from langchain_core.documents import Document

    return Document(page_content=operands[0], metadata=decode(operands[1], resolve, depth))


#: Decodes the operands of each kind.
_DECODERS: dict[str, Callable[[list[Any], Resolve, int], Any]] = {
    "Message": _decode_message,
    "Data": _decode_data,
    "DataFrame": _decode_dataframe,
    "Document": _decode_document,
    "dict": lambda operands, resolve, depth: build_dict(
        [(_decode_key(decode(k, resolve, depth)), decode(v, resolve, depth)) for k, v in operands[0]]
    ),
    "tuple": lambda operands, resolve, depth: tuple(decode(operands[0], resolve, depth)),
    "set": lambda operands, resolve, depth: build_set(decode(operands[0], resolve, depth)),
    "frozenset": lambda operands, resolve, depth: frozenset(build_set(decode(operands[0], resolve, depth))),
    "bytes": lambda operands, *_: _decode_bytes(operands[0]),
    "float": lambda operands, *_: float(_short(operands[0])),
    "datetime": lambda operands, *_: datetime.fromisoformat(operands[0]),
    "date": lambda operands, *_: date.fromisoformat(operands[0]),
    "Decimal": lambda operands, *_: _decode_decimal(operands[0]),
    "UUID": lambda operands, *_: UUID(_short(operands[0])),
    "Path": lambda operands, *_: Path(operands[0]),
    "str": lambda operands, *_: str(operands[0]),
    "int": lambda operands, *_: int(_short(operands[0])),
    "plain": lambda operands, resolve, depth: decode(operands[0], resolve, depth),
}


def _decode_key(key: Any) -> Any:
    return tuple(key) if isinstance(key, list) else key
