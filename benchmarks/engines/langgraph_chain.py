"""A chain in LangGraph."""

from __future__ import annotations

import asyncio
from typing import TypedDict

from langgraph.graph import END, START, StateGraph

from benchmarks.engines.timing import RunChain, print_microseconds_per_vertex


class State(TypedDict):
    """The text on its way through the chain."""

    text: str


async def pass_text(state: State) -> State:
    """Return the text."""
    return {"text": state["text"]}


def create_chain(vertices: int) -> RunChain:
    """Return a function that runs a chain of `vertices`."""
    graph = StateGraph(State)
    previous = START
    for number in range(vertices):
        graph.add_node(f"node-{number}", pass_text)
        graph.add_edge(previous, f"node-{number}")
        previous = f"node-{number}"
    graph.add_edge(previous, END)
    compiled = graph.compile()

    async def run_chain(text: str) -> str:
        state = await compiled.ainvoke({"text": text}, {"recursion_limit": vertices + 1})
        return str(state["text"])

    return run_chain


if __name__ == "__main__":
    asyncio.run(print_microseconds_per_vertex(create_chain))
