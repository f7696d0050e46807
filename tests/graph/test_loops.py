"""Loops, compared with the list comprehensions that they represent."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.component import Component, HandleInput, IntInput, Output, StrInput
from headrace.component.registry import Registry
from headrace.components.flow_controls.loop import LoopComponent
from headrace.graph.compiler import compile_plan
from headrace.graph.errors import FlowError, RunError
from headrace.graph.events import Event, VertexStarted
from headrace.graph.executor import Execution
from headrace.graph.flow import parse_flow
from headrace.graph.plan import Plan
from headrace.schema import Data


class Letters(Component):
    """Return `count` records, each with a letter appended to the input."""

    display_name = "Letters"
    inputs = [HandleInput(name="record", input_types=["Data"]), IntInput(name="count")]
    outputs = [Output(name="records", method="compute")]

    def compute(self) -> list[Data]:
        prefix = self.record.path if isinstance(self.record, Data) else ""
        return [Data(path=f"{prefix}{'abcdefgh'[i]}") for i in range(self.count)]


class Mark(Component):
    """Append a mark to a record, or fail for the record `refuse`."""

    display_name = "Mark"
    inputs = [HandleInput(name="record", input_types=["Data"]), StrInput(name="mark"), StrInput(name="refuse")]
    outputs = [Output(name="marked", method="compute")]

    def compute(self) -> Data:
        if self.refuse and self.record.path == self.refuse:
            raise ValueError("on purpose")
        return Data(path=self.record.path + self.mark)


class Gather(Component):
    """Join the rows of a table into one record."""

    display_name = "Gather"
    inputs = [HandleInput(name="table", input_types=["DataFrame"])]
    outputs = [Output(name="joined", method="compute")]

    def compute(self) -> Data:
        rows = self.table.to_dict(orient="records")
        return Data(path=f"[{'|'.join(row['path'] for row in rows)}]")


REGISTRY = Registry()
for component in (Letters, Mark, Gather, LoopComponent):
    REGISTRY.add(component, "test")


class LoopFlow:
    """Build the data of a flow."""

    def __init__(self) -> None:
        self.nodes: list[dict[str, Any]] = []
        self.edges: list[dict[str, Any]] = []

    def node(self, name: str, type_: str, **values: Any) -> LoopFlow:
        template = {n: {"type": "str", "value": v, "show": True} for n, v in values.items()}
        node = {"display_name": name, "template": template}
        self.nodes.append({"id": name, "data": {"id": name, "type": type_, "node": node}})
        return self

    def edge(self, source: str, output: str, target: str, field: str) -> LoopFlow:
        return self._edge(source, output, target, {"fieldName": field})

    def loop_back(self, source: str, output: str, loop: str) -> LoopFlow:
        return self._edge(source, output, loop, {"name": "item", "output_types": ["Data"]})

    def _edge(self, source: str, output: str, target: str, target_handle: dict[str, Any]) -> LoopFlow:
        data = {"sourceHandle": {"name": output}, "targetHandle": target_handle}
        self.edges.append({"source": source, "target": target, "data": data})
        return self

    def plan(self) -> Plan:
        return compile_plan(parse_flow({"nodes": self.nodes, "edges": self.edges}), REGISTRY)


def run(plan: Plan, events: list[Event] | None = None) -> dict[str, Any]:
    received: list[Event] = [] if events is None else events
    with ThreadPoolExecutor(2) as threads:
        results = asyncio.run(Execution(plan, None, {}, received.append, threads).run())  # type: ignore[arg-type]
    return {i: r.outputs for i, r in results.items()}


def single_loop(count: int, marks: str, refuse: str = "") -> LoopFlow:
    flow = LoopFlow().node("letters", "Letters", count=count).node("loop", "LoopComponent").node("end", "Gather")
    flow.edge("letters", "records", "loop", "data").edge("loop", "done", "end", "table")
    source, output = "loop", "item"
    for i, mark in enumerate(marks):
        flow.node(f"m{i}", "Mark", mark=mark, refuse=refuse).edge(source, output, f"m{i}", "record")
        source, output = f"m{i}", "marked"
    return flow.loop_back(source, output, "loop")


@given(count=st.integers(1, 8), marks=st.text(alphabet="xyz", min_size=1, max_size=4))
@settings(max_examples=40)
def test_a_loop_matches_a_list_comprehension(count: int, marks: str) -> None:
    events: list[Event] = []
    outputs = run(single_loop(count, marks).plan(), events)
    assert outputs["end"]["joined"].path == f"[{'|'.join(letter + marks for letter in 'abcdefgh'[:count])}]"
    started = [e.vertex_id for e in events if isinstance(e, VertexStarted)]
    assert [started.count(i) for i in ("letters", "loop", "m0", "end")] == [1, 1, count, 1]


@given(outer=st.integers(1, 4), inner=st.integers(1, 4))
@settings(max_examples=16)
def test_a_nested_loop_matches_a_nested_list_comprehension(outer: int, inner: int) -> None:
    flow = (
        LoopFlow()
        .node("letters", "Letters", count=outer)
        .node("loop", "LoopComponent")
        .node("spread", "Letters", count=inner)
        .node("within", "LoopComponent")
        .node("mark", "Mark", mark="!")
        .node("row", "Gather")
        .node("end", "Gather")
        .edge("letters", "records", "loop", "data")
        .edge("loop", "item", "spread", "record")
        .edge("spread", "records", "within", "data")
        .edge("within", "item", "mark", "record")
        .loop_back("mark", "marked", "within")
        .edge("within", "done", "row", "table")
        .loop_back("row", "joined", "loop")
        .edge("loop", "done", "end", "table")
    )
    rows = [[f"{a}{b}!" for b in "abcdefgh"[:inner]] for a in "abcdefgh"[:outer]]
    expected = f"[{'|'.join(f'[{chr(124).join(row)}]' for row in rows)}]"
    assert run(flow.plan())["end"]["joined"].path == expected


def test_a_loop_without_items_returns_an_empty_table_and_skips_its_body() -> None:
    events: list[Event] = []
    outputs = run(single_loop(0, "x").plan(), events)
    assert outputs["end"]["joined"].path == "[]"
    assert "m0" not in outputs
    assert "m0" not in [e.vertex_id for e in events if isinstance(e, VertexStarted)]


def test_a_failing_item_ends_the_run_with_an_error_that_names_the_component() -> None:
    with pytest.raises(RunError, match=r"Component m0: \n\non purpose"):
        run(single_loop(3, "x", refuse="b").plan())


def test_a_vertex_that_depends_on_the_body_runs_per_item_and_keeps_the_last_result() -> None:
    flow = single_loop(3, "x")
    flow.node("after", "Mark", mark="?").edge("m0", "marked", "after", "record")
    # A vertex that depends on the body and does not lead back belongs to the body.
    assert run(flow.plan())["after"]["marked"].path == "cx?"


@pytest.mark.parametrize(
    ("flow", "message"),
    [
        (single_loop(1, "x").node("far", "Mark", mark="y").loop_back("far", "marked", "loop"), "is not closed"),
        (single_loop(1, "x").loop_back("m0", "none", "loop"), "has no output 'none'"),
        (single_loop(1, "x").loop_back("m0", "marked", "end"), "accepts an edge back to a loop"),
        (single_loop(1, "x").edge("end", "joined", "letters", "record"), "has a cycle through"),
    ],
)
def test_an_invalid_loop_is_rejected_with_the_reason(flow: LoopFlow, message: str) -> None:
    with pytest.raises(FlowError, match=message):
        flow.plan()
