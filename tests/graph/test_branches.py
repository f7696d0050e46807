"""Branches, joins and failures, compared with a sequential execution of the same flow."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.component import Component, MessageTextInput, Output
from headrace.component.registry import Registry
from headrace.graph.compiler import compile_plan
from headrace.graph.errors import RunError
from headrace.graph.events import Event, VertexEnded, VertexStarted
from headrace.graph.executor import Execution
from headrace.graph.flow import parse_flow
from headrace.graph.plan import Plan
from headrace.schema import Message

OUTPUTS = ("left", "right")


class Fork(Component):
    """Return its inputs from both outputs. Close the outputs in `closes`, or fail if `closes` contains "fail"."""

    display_name = "Fork"
    inputs = [
        MessageTextInput(name="parts", is_list=True),
        MessageTextInput(name="must", required=True),
        MessageTextInput(name="letter"),
        MessageTextInput(name="closes", is_list=True),
    ]
    outputs = [Output(name="left", method="to_left"), Output(name="right", method="to_right")]

    async def to_left(self) -> Message:
        return await self._emit("left")

    async def to_right(self) -> Message:
        return await self._emit("right")

    async def _emit(self, side: str) -> Message:
        await asyncio.sleep(0)
        if "fail" in self.closes:
            raise ValueError("on purpose")
        if side in self.closes:
            self.stop(side)
        return Message(text=f"{side}({self.letter}:{self.must}:{''.join(self.parts)})")


class Seed(Fork):
    """A fork without a required edge."""

    display_name = "Seed"
    inputs = [i if i.name != "must" else MessageTextInput(name="must") for i in Fork.inputs]


REGISTRY = Registry()
REGISTRY.add(Fork, "test")
REGISTRY.add(Seed, "test")


@dataclass(frozen=True)
class Edge:
    source: int
    output: str
    target: int
    field: str


@dataclass(frozen=True)
class FlowSpec:
    """A flow: for each vertex the outputs that it closes, or "fail", and the edges."""

    closes: tuple[tuple[str, ...], ...]
    edges: tuple[Edge, ...]

    def edges_into(self, vertex: int, field: str) -> list[Edge]:
        return [e for e in self.edges if e.target == vertex and e.field == field]

    def is_seed(self, vertex: int) -> bool:
        return not self.edges_into(vertex, "must")

    def plan(self) -> Plan:
        def field(value: object, **options: object) -> dict[str, Any]:
            return {"type": "str", "value": value, "show": True, **options}

        def template(i: int) -> dict[str, Any]:
            must = field("", required=not self.is_seed(i))
            return {"parts": field([]), "must": must, "letter": field(f"n{i}"), "closes": field(list(self.closes[i]))}

        nodes = [
            {
                "id": f"n{i}",
                "data": {
                    "id": f"n{i}",
                    "type": "Seed" if self.is_seed(i) else "Fork",
                    "node": {"display_name": f"n{i}", "template": template(i)},
                },
            }
            for i in range(len(self.closes))
        ]
        raw_edges = [
            {
                "source": f"n{e.source}",
                "target": f"n{e.target}",
                "data": {"sourceHandle": {"name": e.output}, "targetHandle": {"fieldName": e.field}},
            }
            for e in self.edges
        ]
        return compile_plan(parse_flow({"nodes": nodes, "edges": raw_edges}), REGISTRY)


@st.composite
def flow_specs(draw: st.DrawFn, *, failures: bool = False) -> FlowSpec:
    count = draw(st.integers(1, 9))
    kinds = [(), (), ("left",), ("right",), OUTPUTS, *([("fail",)] if failures else [])]
    edges: list[Edge] = []
    for target in range(1, count):
        source = st.integers(0, target - 1)
        parts = draw(st.lists(st.tuples(source, st.sampled_from(OUTPUTS)), max_size=3))
        edges += [Edge(a, output, target, "parts") for a, output in parts]
        if draw(st.booleans()):
            edges.append(Edge(draw(source), draw(st.sampled_from(OUTPUTS)), target, "must"))
    return FlowSpec(tuple(draw(st.sampled_from(kinds)) for _ in range(count)), tuple(dict.fromkeys(edges)))


def execute_sequentially(spec: FlowSpec) -> dict[str, dict[str, str]]:
    """Execute the vertices in the order of their numbers and return the values of the open outputs.

    A vertex runs unless all its incoming edges are closed, or the one to `must` is. An unconnected output is not
    computed, except for the first output of a vertex without outgoing edges.
    """
    results: dict[int, dict[str, str]] = {}
    for i, closes in enumerate(spec.closes):

        def is_open(edge: Edge) -> bool:
            return edge.output in results.get(edge.source, {})

        parts, must = spec.edges_into(i, "parts"), spec.edges_into(i, "must")
        if (parts or must) and not any(map(is_open, [*parts, *must])):
            continue
        if must and not is_open(must[0]):
            continue
        if "fail" in closes:
            raise ValueError("on purpose")
        text = "".join(results[e.source][e.output] for e in parts if is_open(e))
        must_value = results[must[0].source][must[0].output] if must else ""
        used = [o for o in OUTPUTS if any(e.source == i and e.output == o for e in spec.edges)] or ["left"]
        results[i] = {o: f"{o}(n{i}:{must_value}:{text})" for o in used if o not in closes}
    return {f"n{i}": outputs for i, outputs in results.items()}


def run(plan: Plan, events: list[Event]) -> dict[str, dict[str, str]]:
    with ThreadPoolExecutor(1) as threads:
        execution = Execution(plan, None, {}, events.append, threads)  # type: ignore[arg-type]
        results = asyncio.run(execution.run())
    return {i: {name: value.text for name, value in r.outputs.items()} for i, r in results.items()}


@given(flow_specs())
@settings(max_examples=300)
def test_a_flow_with_branches_matches_its_sequential_execution(spec: FlowSpec) -> None:
    expected = execute_sequentially(spec)
    events: list[Event] = []
    assert run(spec.plan(), events) == expected
    started = [e.vertex_id for e in events if isinstance(e, VertexStarted)]
    ended = [e for e in events if isinstance(e, VertexEnded)]
    assert sorted(started) == sorted(e.result.vertex_id for e in ended) == sorted(expected)
    skipped = [i for e in ended for i in e.skipped]
    assert sorted(skipped) == sorted({f"n{i}" for i in range(len(spec.closes))} - set(expected))
    following = [i for e in ended for i in e.following]
    assert len(following) == len(set(following))
    assert set(following) <= set(expected)


@given(flow_specs(failures=True))
@settings(max_examples=200)
def test_a_flow_fails_exactly_if_its_sequential_execution_fails(spec: FlowSpec) -> None:
    try:
        expected = execute_sequentially(spec)
    except ValueError:
        with pytest.raises(RunError, match="on purpose"):
            run(spec.plan(), [])
    else:
        assert run(spec.plan(), []) == expected
