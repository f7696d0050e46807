"""The table of figures that `make bench` prints."""

from __future__ import annotations

import os
import platform

from benchmarks.load import load_generator


def print_header() -> None:
    """Print the machine, the load generator and the head of the table."""
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    print(f"{machine}, load from {load_generator()}\n\n| figure | measured | target |\n| --- | --- | --- |", flush=True)


def print_row(figure: str, value: str, target: str = "") -> None:
    """Print a row of the table."""
    print(f"| {figure} | {value} | {target} |", flush=True)
