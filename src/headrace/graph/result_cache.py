"""Cached results of frozen vertices, by a fingerprint of their inputs."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import orjson

from headrace.limits.byte_budget import current_budget
from headrace.limits.value_size import value_size
from headrace.schema import Data, Message
from headrace.schema.records import is_table, records_of

if TYPE_CHECKING:
    from headrace.component.component import Component


class ResultCache(Protocol):
    """Store the results of frozen vertices between runs."""

    def get(self, vertex_id: str, fingerprint: str) -> CachedResult | None:
        """Return the cached result of a vertex for these inputs, or None."""
        ...

    def put(self, vertex_id: str, fingerprint: str, result: CachedResult) -> None:
        """Store the result of a vertex for these inputs."""
        ...


@dataclass(frozen=True, slots=True)
class CachedResult:
    """The output values of a vertex by output name, and the names of the outputs that it closed."""

    outputs: dict[str, Any]
    stopped: frozenset[str]

    def deep_copy(self) -> CachedResult:
        """Return an independent copy, so that no run sees another run's changes to the values."""
        return CachedResult(copy.deepcopy(self.outputs), self.stopped)


def fingerprint(component: type[Component], outputs: tuple[str, ...], values: Mapping[str, Any]) -> str | None:
    """Return a hash of everything that determines the result of a vertex, or None if a value cannot be hashed or is too large.

    Values such as models and tools cannot be hashed, so a vertex that gets one runs every time.

    Args:
        component: the component class of the vertex.
        outputs: the names of the outputs to compute.
        values: the values of the fields by name.

    """
    limit = current_budget.get().limits.value
    if value_size(values, limit) > limit:
        return None
    parts = [
        component.__module__,
        component.__qualname__,
        component.source,
        list(outputs),
        {name: values[name] for name in sorted(values)},
    ]
    try:
        serialized = orjson.dumps(parts, default=_to_json, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)
    except orjson.JSONEncodeError:
        return None
    return hashlib.sha256(serialized).hexdigest()


def _to_json(value: object) -> object:
    if isinstance(value, Message):
        if value.stream is not None:
            raise TypeError("A message whose stream is still open has no fingerprint.")
        # The id and time of a message do not affect results.
        return {"message": value.model_dump(exclude={"id", "timestamp", "stream", "duration"})}
    if isinstance(value, Data):
        return {"data": value.data, "text_key": value.text_key}
    if is_table(value):
        return {"table": records_of(value)}
    raise TypeError(f"{type(value).__name__} has no fingerprint.")


def is_cacheable(outputs: Mapping[str, object]) -> bool:
    """Return whether all output values are plain data, which can be copied."""
    try:
        orjson.dumps(list(outputs.values()), default=_to_json, option=orjson.OPT_NON_STR_KEYS)
    except orjson.JSONEncodeError:
        return False
    return True
