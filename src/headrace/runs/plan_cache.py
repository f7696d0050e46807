"""Compiled plans of stored flows, by flow and version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from headrace.limits.fair_cache import FairCache

if TYPE_CHECKING:
    from headrace.graph.flow import Node
    from headrace.graph.plan import Plan


@dataclass(frozen=True, slots=True)
class CompiledFlow:
    """A plan, and the nodes whose code needs approval by the digest of that code.

    An approval can be revoked while the plan is cached, so it is checked at each use.
    """

    plan: Plan
    custom_nodes: Mapping[str, Node]


class PlanCache:
    """The most recently used plans. A changed flow has a new version, so its old plan is never found again."""

    def __init__(self, max_bytes: int) -> None:
        """Create an empty cache of at most `max_bytes`, which users share fairly. A plan of ten nodes takes about 50 kB."""
        self._flows: FairCache[tuple[UUID, int], CompiledFlow] = FairCache(max_bytes)

    @property
    def max_bytes(self) -> int:
        """The maximum size of all plans."""
        return self._flows.max_bytes

    def get(self, flow_id: UUID, version: int) -> CompiledFlow | None:
        """Return the compiled flow of a version, or None if it is not cached."""
        return self._flows.get((flow_id, version))

    def put(self, flow_id: UUID, version: int, compiled: CompiledFlow, *, owner: UUID, size: int) -> None:
        """Cache the compiled flow of a version, which takes about `size` bytes."""
        self._flows.put((flow_id, version), compiled, owner=owner, size=size)

    def clear(self) -> None:
        """Drop all plans, because the available components have changed."""
        self._flows.clear()
