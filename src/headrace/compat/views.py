"""What a component sees of the run that it is in, and of the flows that it runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class GraphView:
    """What a component may know of the run that it is in."""

    session_id: str
    flow_id: str
    user_id: str | None
    context: dict[str, Any]
    #: Not told to components; authors look whether it is there.
    flow_name: str | None = None


@dataclass(frozen=True, slots=True)
class ResultData:
    """What one component of another flow gave."""

    component_id: str
    results: dict[str, Any]


@dataclass(frozen=True, slots=True)
class RunOutputs:
    """What another flow answered."""

    inputs: dict[str, Any]
    outputs: list[ResultData]


@dataclass(frozen=True, slots=True)
class SourceView:
    """A component that feeds one that runs elsewhere: what a message says of where it came from."""

    id: str
    display_name: str
    source_name: str
    icon: str
