"""Measurement that all engines share. It imports none of them: each has its own environment."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Awaitable, Callable

WARM_UP_RUNS = 20

RunChain = Callable[[str], Awaitable[str]]
#: Builds a chain of a number of vertices, each of which returns its input text.
CreateChain = Callable[[int], RunChain]


async def print_microseconds_per_vertex(create_chain: CreateChain) -> None:
    """Print the median cost of a vertex; the number of vertices and runs are the program's arguments."""
    vertices, runs = int(sys.argv[1]), int(sys.argv[2])
    run_chain = create_chain(vertices)
    seconds: list[float] = []
    for _ in range(WARM_UP_RUNS + runs):
        started_at = time.perf_counter()
        text = await run_chain("hello")
        seconds.append(time.perf_counter() - started_at)
        if text != "hello":
            raise RuntimeError(f"The chain returned {text!r}.")
    sys.stdout.write(f"{statistics.median(seconds[WARM_UP_RUNS:]) / vertices * 1e6:.1f}\n")
