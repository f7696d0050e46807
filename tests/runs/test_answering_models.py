"""The models that the options of a caller apply to."""

from __future__ import annotations

from collections.abc import ItemsView
from dataclasses import replace

from headrace.graph.compiler import compile_plan
from headrace.graph.flow import NodeId, parse_flow
from headrace.graph.plan import Plan
from headrace.graph.vertex import Vertex
from headrace.models.request_options import ModelOptions
from headrace.runs.answering_models import answering_models, check_model_options
from headrace.runs.request import RunRequest
from tests.support.flow_builder import FlowBuilder, registry

ANSWERS = 20


class CountedVertices(dict[NodeId, Vertex]):
    """Vertices that count how often all of them are visited with their ids."""

    scans = 0

    def items(self) -> ItemsView[NodeId, Vertex]:  # type: ignore[override]
        self.scans += 1
        return super().items()


def plan_with_many_answers() -> Plan:
    """Return the plan of a flow whose model is connected to many chat outputs."""
    flow = (
        FlowBuilder().node("ChatInput", "in").node("OpenAIModel", "model").edge("in", "message", "model", "input_value")
    )
    for n in range(ANSWERS):
        flow.node("ChatOutput", f"out-{n}").edge("model", "text_output", f"out-{n}", "input_value")
    return compile_plan(parse_flow(flow.data), registry())


def test_the_vertices_are_not_searched_for_each_answer() -> None:
    plan = plan_with_many_answers()
    vertices = CountedVertices(plan.vertices)
    models = answering_models(replace(plan, vertices=vertices), RunRequest())
    assert [model.vertex_id for model in models] == ["model"]
    assert vertices.scans <= 1


def test_the_check_of_options_returns_the_models_that_they_apply_to() -> None:
    plan = plan_with_many_answers()
    models = check_model_options(plan, RunRequest(model_options=ModelOptions(temperature=0.5)))
    assert models == answering_models(plan, RunRequest())
    assert check_model_options(plan, RunRequest()) == ()
