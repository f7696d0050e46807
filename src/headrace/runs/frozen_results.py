"""What frozen vertices gave, for as long as the process lives and there is room."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from headrace.graph.frozen import Remembered
    from headrace.runs.request import Origin

#: So many results are kept, those that were asked for last.
MOST_RESULTS = 1000

#: Whose result it is, of which flow, session and kind of run, and what went into the vertex.
Key = tuple[UUID, UUID, str, "Origin", str]


class FrozenResults:
    """Results by what went in. Nothing goes from one user, flow, session or kind of run to another."""

    def __init__(self) -> None:
        self._results: OrderedDict[Key, Remembered] = OrderedDict()

    def of(self, owner: UUID, flow_id: UUID, session_id: str, origin: Origin) -> RunResults:
        """Return what one run may see and add."""
        return RunResults(self._results, owner, flow_id, session_id, origin)


@dataclass(frozen=True, slots=True)
class RunResults:
    """The part of the results that one run may see."""

    _results: OrderedDict[Key, Remembered]
    _owner: UUID
    _flow_id: UUID
    _session_id: str
    _origin: Origin

    def recall(self, vertex_id: str, fingerprint: str) -> Remembered | None:
        """Return what a vertex gave for the same inputs."""
        key = self._key(vertex_id, fingerprint)
        found = self._results.get(key)
        if found is None:
            return None
        self._results.move_to_end(key)
        return found.copied()

    def remember(self, vertex_id: str, fingerprint: str, given: Remembered) -> None:
        """Keep what a vertex gave; the result that was asked for longest ago makes room."""
        self._results[self._key(vertex_id, fingerprint)] = given.copied()
        if len(self._results) > MOST_RESULTS:
            self._results.popitem(last=False)

    def _key(self, vertex_id: str, fingerprint: str) -> Key:
        return (self._owner, self._flow_id, self._session_id, self._origin, f"{vertex_id}/{fingerprint}")
