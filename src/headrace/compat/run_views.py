"""The views of runs that component code gets: its own run, and the results of flows that it runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class GraphView:
    """The parts of the current run that component code may read."""

    session_id: str
    flow_id: str
    user_id: str | None
    context: dict[str, Any]
    #: Always None; component code tests whether it is set.
    flow_name: str | None = None


@dataclass(frozen=True, slots=True)
class ResultData:
    """The outputs of a component in another flow."""

    component_id: str
    results: dict[str, Any]


@dataclass(frozen=True, slots=True)
class RunOutputs:
    """The inputs and outputs of a run of another flow."""

    inputs: dict[str, Any]
    outputs: list[ResultData]
