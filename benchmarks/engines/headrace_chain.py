"""A chain in headrace."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from benchmarks.engines.timing import RunChain, print_microseconds_per_vertex
from benchmarks.flows import FlowDrawing
from headrace.component import Component, MessageTextInput, Output
from headrace.component.node_json import node_json
from headrace.component.registry import Registry
from headrace.graph.compiler import compile_plan
from headrace.graph.flow import parse_flow
from headrace.runs.execute_plan import ExecutionOptions, execute_plan
from headrace.runs.local import LocalContext
from headrace.runs.request import RunRequest
from headrace.runs.resources import RunResources
from headrace.schema import Message
from headrace.settings import load_settings


class PassText(Component):
    """Returns its text."""

    display_name = "Pass Text"
    inputs = [MessageTextInput(name="text")]
    outputs = [Output(name="output", method="pass_text")]

    async def pass_text(self) -> Message:
        """Return the text as a message."""
        return Message(text=self.text)


def create_chain(vertices: int) -> RunChain:
    """Return a function that runs a chain of `vertices`."""
    registry = Registry()
    registry.add(PassText, "bench")
    flow = FlowDrawing({"PassText": node_json(PassText)})
    for number in range(vertices):
        flow.add_node("PassText", f"PassText-{number}")
        if number > 0:
            flow.connect(f"PassText-{number - 1}", "output", f"PassText-{number}", "text")
    plan = compile_plan(parse_flow(flow.data), registry)
    last = f"PassText-{vertices - 1}"
    resources = RunResources.from_settings(load_settings())
    options = ExecutionOptions(ThreadPoolExecutor(1))

    async def run_chain(text: str) -> str:
        request = RunRequest(tweaks={"PassText-0": {"text": text}}, output_components=(last,))
        result = await execute_plan(plan, request, LocalContext("bench", "bench", resources), options)
        return str(result.answers[0].outputs["output"].text)

    return run_chain


if __name__ == "__main__":
    asyncio.run(print_microseconds_per_vertex(create_chain))
