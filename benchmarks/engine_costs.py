"""The cost of a vertex in the engine alone, beside other engines."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.options import BenchOptions
from benchmarks.report import print_row

VERTICES = 100
RUNS = 100
#: The environment of the other engines; `make bench` creates it from requirements/bench.txt.
OTHER_ENGINES_PYTHON = Path(".venv-bench/bin/python")


def measure_engines(_options: BenchOptions) -> None:
    """Measure a chain of components that return their input text."""
    headrace = _microseconds_per_vertex(sys.executable, "headrace")
    print_row(f"engine alone, a chain of {VERTICES}: headrace", f"{headrace:.0f} µs a vertex")
    for title, module in (("LangGraph", "langgraph"), ("Haystack", "haystack")):
        if not OTHER_ENGINES_PYTHON.exists():
            print_row(f"the same in {title}", f"not measured: {OTHER_ENGINES_PYTHON} is missing; run `make bench`")
            continue
        other = _microseconds_per_vertex(str(OTHER_ENGINES_PYTHON), module)
        print_row(f"the same in {title}", f"{other:.0f} µs a vertex, {other / headrace:.1f} times as much")


def _microseconds_per_vertex(python: str, engine: str) -> float:
    command = [python, "-m", f"benchmarks.engines.{engine}_chain", str(VERTICES), str(RUNS)]
    output = subprocess.run(command, env={**os.environ}, stdout=subprocess.PIPE, check=True).stdout
    return float(output)
