"""A chain in Haystack."""

from __future__ import annotations

import asyncio
import os

# Haystack sends usage statistics unless this is set before it is imported.
os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"

from haystack import Pipeline, component

from benchmarks.engines.timing import RunChain, print_microseconds_per_vertex


@component
class PassText:
    """Returns its text."""

    @component.output_types(text=str)
    def run(self, text: str) -> dict[str, str]:
        """Return the text."""
        return {"text": text}


def create_chain(vertices: int) -> RunChain:
    """Return a function that runs a chain of `vertices`."""
    pipeline = Pipeline(max_runs_per_component=1)
    for number in range(vertices):
        pipeline.add_component(f"node-{number}", PassText())
        if number > 0:
            pipeline.connect(f"node-{number - 1}.text", f"node-{number}.text")

    async def run_chain(text: str) -> str:
        # Pipeline.run is Haystack's faster way; its asynchronous pipeline adds a task for each component.
        results = pipeline.run({"node-0": {"text": text}})
        return str(results[f"node-{vertices - 1}"]["text"])

    return run_chain


if __name__ == "__main__":
    asyncio.run(print_microseconds_per_vertex(create_chain))
