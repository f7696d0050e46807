"""What a vertex gave in one run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class VertexResult:
    """The values of a vertex's outputs, by name, and what it logged."""

    vertex_id: str
    component_type: str
    display_name: str
    outputs: dict[str, Any]
    gives_output: str | None = None
    logs: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0
    #: Whether it is what a frozen vertex gave before.
    reused: bool = False
