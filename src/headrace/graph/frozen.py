"""Frozen vertices: what goes in, as a fingerprint, and what came out, to give again."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import orjson

from headrace.schema import Data, Message
from headrace.schema.records import is_table, records_of

if TYPE_CHECKING:
    from headrace.component.component import Component


class Recollection(Protocol):
    """What frozen vertices gave before."""

    def recall(self, vertex_id: str, fingerprint: str) -> Remembered | None:
        """Return what a vertex gave when the same went in, or None."""
        ...

    def remember(self, vertex_id: str, fingerprint: str, given: Remembered) -> None:
        """Keep what a vertex gave."""
        ...


@dataclass(frozen=True, slots=True)
class Remembered:
    """What a vertex gave: its outputs, and which of them it closed."""

    outputs: dict[str, Any]
    stopped: frozenset[str]

    def copied(self) -> Remembered:
        """Return it as values of their own: what one run does with them, another must not see."""
        return Remembered(copy.deepcopy(self.outputs), self.stopped)


def fingerprint(component: type[Component], outputs: tuple[str, ...], values: Mapping[str, Any]) -> str | None:
    """Return a text that tells what goes into a vertex from anything else, or None where that cannot be told.

    Models, tools and the like cannot: who holds one runs each time.
    """
    parts = [
        component.__module__,
        component.__qualname__,
        component.source,
        list(outputs),
        {k: values[k] for k in sorted(values)},
    ]
    try:
        plain = orjson.dumps(parts, default=_plain, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)
    except orjson.JSONEncodeError:
        return None
    return hashlib.sha256(plain).hexdigest()


def _plain(value: object) -> object:
    if isinstance(value, Message):
        if value.stream is not None:
            raise TypeError("a model still speaks")
        # The same words said at another time are the same.
        return {"message": value.model_dump(exclude={"id", "timestamp", "stream", "duration"})}
    if isinstance(value, Data):
        return {"data": value.data, "text_key": value.text_key}
    if is_table(value):
        return {"table": records_of(value)}
    raise TypeError(f"{type(value).__name__} has no fingerprint")


def can_be_remembered(outputs: Mapping[str, object]) -> bool:
    """Return whether all that a vertex gave are values, which can be copied."""
    try:
        orjson.dumps(list(outputs.values()), default=_plain, option=orjson.OPT_NON_STR_KEYS)
    except orjson.JSONEncodeError:
        return False
    return True
