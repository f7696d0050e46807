"""The executor, compared with a sequential execution of the same flow."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
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


class Join(Component):
    """Join the inputs behind the component's letter."""

    display_name = "Join"
    inputs = [MessageTextInput(name="parts", is_list=True), MessageTextInput(name="letter")]
    outputs = [Output(name="joined", method="join")]

    async def join(self) -> Message:
        await asyncio.sleep(0)
        return Message(text=f"({self.letter}{''.join(self.parts)})")


class Fail(Join):
    """Raise an error."""

    display_name = "Fail"
    outputs = [Output(name="joined", method="fail")]

    def fail(self) -> Message:
        raise ValueError("on purpose")


class Wait(Join):
    """Wait until cancelled."""

    display_name = "Wait"
    outputs = [Output(name="joined", method="wait")]
    ended: list[str] = []

    async def wait(self) -> Message:
        try:
            await asyncio.Event().wait()
        finally:
            self.ended.append(self.id)
        return Message()


class Flaky(Join):
    """Fail `failures` times, then return a message."""

    display_name = "Flaky"
    output_retries = 2
    outputs = [Output(name="joined", method="answer")]
    attempts = 0

    async def answer(self) -> Message:
        Flaky.attempts += 1
        if Flaky.attempts <= self.failures:
            raise ValueError(f"failure {Flaky.attempts}")
        return Message(text=f"try {Flaky.attempts}")

    failures = 2


class Late(Wait):
    """Wait longer than its timeout."""

    display_name = "Late"
    output_timeout = 0.01


REGISTRY = Registry()
for component in (Join, Fail, Wait, Flaky, Late):
    REGISTRY.add(component, "test")


def build_plan(types: list[str], edges: list[tuple[int, int]]) -> Plan:
    def field(value: object) -> dict[str, Any]:
        return {"type": "str", "value": value, "show": True}

    nodes = [
        {
            "id": f"n{i}",
            "data": {
                "id": f"n{i}",
                "type": t,
                "node": {"display_name": t, "template": {"parts": field([]), "letter": field(f"n{i}")}},
            },
        }
        for i, t in enumerate(types)
    ]
    raw_edges = [
        {
            "source": f"n{a}",
            "target": f"n{b}",
            "data": {"sourceHandle": {"name": "joined"}, "targetHandle": {"fieldName": "parts"}},
        }
        for a, b in edges
    ]
    return compile_plan(parse_flow({"nodes": nodes, "edges": raw_edges}), REGISTRY)


async def run(plan: Plan, events: list[Event]) -> dict[str, str]:
    with ThreadPoolExecutor(2) as threads:
        results = await Execution(plan, None, {}, events.append, threads).run()  # type: ignore[arg-type]
    return {i: r.outputs["joined"].text for i, r in results.items()}


@st.composite
def graphs(draw: st.DrawFn) -> tuple[int, list[tuple[int, int]]]:
    count = draw(st.integers(1, 12))
    pairs = [(a, b) for b in range(count) for a in range(b)]
    return count, draw(st.lists(st.sampled_from(pairs), unique=True, max_size=30)) if pairs else []


@given(graphs())
def test_a_flow_matches_its_sequential_execution(graph: tuple[int, list[tuple[int, int]]]) -> None:
    count, edges = graph
    expected: dict[str, str] = {}
    for i in range(count):
        expected[f"n{i}"] = f"(n{i}{''.join(expected[f'n{a}'] for a, b in edges if b == i)})"
    events: list[Event] = []
    assert asyncio.run(run(build_plan(["Join"] * count, edges), events)) == expected
    started = [e.vertex_id for e in events if isinstance(e, VertexStarted)]
    ended = [e.result.vertex_id for e in events if isinstance(e, VertexEnded)]
    assert sorted(started) == sorted(ended) == sorted(expected)


def test_a_failing_vertex_cancels_the_others_and_its_error_names_it() -> None:
    Wait.ended.clear()
    with pytest.raises(RunError, match=r"Component Fail: \n\non purpose"):
        asyncio.run(run(build_plan(["Wait", "Join", "Fail"], [(1, 2)]), []))
    assert Wait.ended == ["n0"]


@pytest.mark.parametrize("failures", [0, 2, 3])
def test_a_component_is_retried_up_to_its_limit(failures: int) -> None:
    Flaky.attempts, Flaky.failures = 0, failures
    if failures > Flaky.output_retries:
        with pytest.raises(RunError, match="failure 3"):
            asyncio.run(run(build_plan(["Flaky"], []), []))
    else:
        assert asyncio.run(run(build_plan(["Flaky"], []), [])) == {"n0": f"try {failures + 1}"}


def test_a_component_that_exceeds_its_timeout_is_cancelled() -> None:
    Wait.ended.clear()
    with pytest.raises(RunError, match=r"Component Late: \n\nThe output took longer than 0\.01 s"):
        asyncio.run(run(build_plan(["Late"], []), []))
    assert Wait.ended == ["n0"]


def test_a_cancelled_run_stops_every_vertex() -> None:
    Wait.ended.clear()

    async def cancelled() -> None:
        task = asyncio.create_task(run(build_plan(["Wait", "Wait"], []), []))
        for _ in range(5):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert sorted(Wait.ended) == ["n0", "n1"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda s: (
        st.lists(s, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["nodes", "edges", "id", "data", "type", "node", "template", "source", "target", "sourceHandle", "x"]
            ),
            s,
            max_size=5,
        )
    ),
    max_leaves=25,
)


@given(json_values)
def test_the_parser_returns_a_flow_or_raises_flow_error_for_any_json(data: object) -> None:
    from headrace.graph.errors import FlowError

    try:
        flow = parse_flow(data)
    except FlowError as error:
        assert error.message
    else:
        assert len({n.id for n in flow.nodes}) == len(flow.nodes)
