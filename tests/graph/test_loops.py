"""Loops: a body that runs once for each item, against the comprehension that it draws."""

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
from headrace.graph.errors import FlowError, RunError
from headrace.graph.events import Event, VertexStarted
from headrace.graph.execute import Execution
from headrace.graph.flow import parse_flow
from headrace.graph.plan import Plan, compile_plan
from headrace.schema import Data


class Letters(Component):
    """Gives so many records, each behind what comes in."""

    display_name = "Letters"
    inputs = [HandleInput(name="one", input_types=["Data"]), IntInput(name="count")]
    outputs = [Output(name="many", method="give")]

    def give(self) -> list[Data]:
        before = self.one.path if isinstance(self.one, Data) else ""
        return [Data(path=f"{before}{'abcdefgh'[i]}") for i in range(self.count)]


class Mark(Component):
    """Puts a mark behind a record; refuses the one it is told to."""

    display_name = "Mark"
    inputs = [HandleInput(name="one", input_types=["Data"]), StrInput(name="mark"), StrInput(name="refuse")]
    outputs = [Output(name="marked", method="give")]

    def give(self) -> Data:
        if self.refuse and self.one.path == self.refuse:
            raise ValueError("on purpose")
        return Data(path=self.one.path + self.mark)


class Gather(Component):
    """Joins a table to one record."""

    display_name = "Gather"
    inputs = [HandleInput(name="table", input_types=["DataFrame"])]
    outputs = [Output(name="joined", method="give")]

    def give(self) -> Data:
        rows = self.table.to_dict(orient="records")
        return Data(path=f"[{'|'.join(row['path'] for row in rows)}]")


REGISTRY = Registry()
for component in (Letters, Mark, Gather, LoopComponent):
    REGISTRY.add(component, "test")


class Drawing:
    """A flow under construction."""

    def __init__(self) -> None:
        self.nodes: list[dict[str, Any]] = []
        self.edges: list[dict[str, Any]] = []

    def node(self, name: str, type_: str, **values: Any) -> Drawing:
        template = {n: {"type": "str", "value": v, "show": True} for n, v in values.items()}
        node = {"display_name": name, "template": template}
        self.nodes.append({"id": name, "data": {"id": name, "type": type_, "node": node}})
        return self

    def edge(self, source: str, output: str, target: str, field: str) -> Drawing:
        return self._edge(source, output, target, {"fieldName": field})

    def back(self, source: str, output: str, loop: str) -> Drawing:
        return self._edge(source, output, loop, {"name": "item", "output_types": ["Data"]})

    def _edge(self, source: str, output: str, target: str, into: dict[str, Any]) -> Drawing:
        data = {"sourceHandle": {"name": output}, "targetHandle": into}
        self.edges.append({"source": source, "target": target, "data": data})
        return self

    def plan(self) -> Plan:
        return compile_plan(parse_flow({"nodes": self.nodes, "edges": self.edges}), REGISTRY)


def run(plan: Plan, events: list[Event] | None = None) -> dict[str, Any]:
    told: list[Event] = [] if events is None else events
    with ThreadPoolExecutor(2) as threads:
        results = asyncio.run(Execution(plan, None, {}, told.append, threads).run())  # type: ignore[arg-type]
    return {i: r.outputs for i, r in results.items()}


def one_loop(count: int, marks: str, refuse: str = "") -> Drawing:
    drawing = Drawing().node("letters", "Letters", count=count).node("loop", "LoopComponent").node("end", "Gather")
    drawing.edge("letters", "many", "loop", "data").edge("loop", "done", "end", "table")
    before, output = "loop", "item"
    for i, mark in enumerate(marks):
        drawing.node(f"m{i}", "Mark", mark=mark, refuse=refuse).edge(before, output, f"m{i}", "one")
        before, output = f"m{i}", "marked"
    return drawing.back(before, output, "loop")


@given(count=st.integers(1, 8), marks=st.text(alphabet="xyz", min_size=1, max_size=4))
@settings(max_examples=40)
def test_a_loop_gives_what_its_comprehension_gives(count: int, marks: str) -> None:
    events: list[Event] = []
    outputs = run(one_loop(count, marks).plan(), events)
    assert outputs["end"]["joined"].path == f"[{'|'.join(letter + marks for letter in 'abcdefgh'[:count])}]"
    started = [e.vertex_id for e in events if isinstance(e, VertexStarted)]
    assert [started.count(i) for i in ("letters", "loop", "m0", "end")] == [1, 1, count, 1]


@given(outer=st.integers(1, 4), inner=st.integers(1, 4))
@settings(max_examples=16)
def test_a_loop_inside_a_loop_gives_what_the_comprehension_inside_gives(outer: int, inner: int) -> None:
    drawing = (
        Drawing()
        .node("letters", "Letters", count=outer)
        .node("loop", "LoopComponent")
        .node("spread", "Letters", count=inner)
        .node("within", "LoopComponent")
        .node("mark", "Mark", mark="!")
        .node("row", "Gather")
        .node("end", "Gather")
        .edge("letters", "many", "loop", "data")
        .edge("loop", "item", "spread", "one")
        .edge("spread", "many", "within", "data")
        .edge("within", "item", "mark", "one")
        .back("mark", "marked", "within")
        .edge("within", "done", "row", "table")
        .back("row", "joined", "loop")
        .edge("loop", "done", "end", "table")
    )
    rows = [[f"{a}{b}!" for b in "abcdefgh"[:inner]] for a in "abcdefgh"[:outer]]
    expected = f"[{'|'.join(f'[{chr(124).join(row)}]' for row in rows)}]"
    assert run(drawing.plan())["end"]["joined"].path == expected


def test_a_loop_without_items_gives_an_empty_table_and_runs_no_body() -> None:
    events: list[Event] = []
    outputs = run(one_loop(0, "x").plan(), events)
    assert outputs["end"]["joined"].path == "[]"
    assert "m0" not in outputs
    assert "m0" not in [e.vertex_id for e in events if isinstance(e, VertexStarted)]


def test_an_item_that_fails_ends_the_run_and_is_named() -> None:
    with pytest.raises(RunError, match=r"Component m0: \n\non purpose"):
        run(one_loop(3, "x", refuse="b").plan())


def test_a_body_may_use_what_lies_outside_and_the_outside_sees_its_last_item() -> None:
    drawing = one_loop(3, "x")
    drawing.node("after", "Mark", mark="?").edge("m0", "marked", "after", "one")
    # What hangs on the body and does not lead back belongs to it, and runs for each item.
    assert run(drawing.plan())["after"]["marked"].path == "cx?"


@pytest.mark.parametrize(
    ("drawing", "says"),
    [
        (one_loop(1, "x").node("far", "Mark", mark="y").back("far", "marked", "loop"), "is not closed"),
        (one_loop(1, "x").back("m0", "none", "loop"), "has no output 'none'"),
        (one_loop(1, "x").back("m0", "marked", "end"), "that a loop could lead back to"),
        (one_loop(1, "x").edge("end", "joined", "letters", "one"), "round in a circle"),
    ],
)
def test_a_loop_that_is_none_is_refused_with_the_reason(drawing: Drawing, says: str) -> None:
    with pytest.raises(FlowError, match=says):
        drawing.plan()
