"""Cached results of frozen vertices."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from headrace.limits.fair_cache import FairCache
from headrace.limits.value_size import value_size

if TYPE_CHECKING:
    from headrace.graph.result_cache import CachedResult
    from headrace.runs.request import Origin

#: Owner, flow, session, kind of run, and the vertex with a fingerprint of its inputs.
Key = tuple[UUID, UUID, str, "Origin", str]


class SharedResultCache:
    """Results of all runs. A run sees only results of its own user, flow, session and kind of run.

    Threads use it: the copies take time that depends on the size of the results.
    """

    def __init__(self, max_bytes: int) -> None:
        """Create an empty cache of at most `max_bytes`, which users share fairly."""
        self._results: FairCache[Key, CachedResult] = FairCache(max_bytes)
        self._lock = threading.Lock()

    def of(self, owner: UUID, flow_id: UUID, session_id: str, origin: Origin) -> RunResults:
        """Return the cache of one run."""
        return RunResults(self._results, self._lock, owner, flow_id, session_id, origin)


@dataclass(frozen=True, slots=True)
class RunResults:
    """The results that one run may read and add to."""

    _results: FairCache[Key, CachedResult]
    _lock: threading.Lock
    _owner: UUID
    _flow_id: UUID
    _session_id: str
    _origin: Origin

    def get(self, vertex_id: str, fingerprint: str) -> CachedResult | None:
        """Return a vertex's result for the same inputs, or None."""
        with self._lock:
            cached = self._results.get(self._key(vertex_id, fingerprint))
        return cached.deep_copy() if cached is not None else None

    def put(self, vertex_id: str, fingerprint: str, result: CachedResult) -> None:
        """Store a vertex's result, unless it is larger than the cache."""
        max_bytes = self._results.max_bytes
        size = value_size(result.outputs, max_bytes)
        if size > max_bytes:
            return
        copied = result.deep_copy()
        with self._lock:
            self._results.put(self._key(vertex_id, fingerprint), copied, owner=self._owner, size=size)

    def _key(self, vertex_id: str, fingerprint: str) -> Key:
        return (self._owner, self._flow_id, self._session_id, self._origin, f"{vertex_id}/{fingerprint}")
