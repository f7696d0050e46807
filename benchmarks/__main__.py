"""Measure headrace and print the figures as a table.

Runs are compared with an independent limit: plain FastAPI endpoints that do the same writes and model calls without
headrace's code (`benchmarks/limit.py`). With --base-url, measure the runs of another server on this machine that speaks
the Langflow API.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from urllib.parse import urlsplit

from benchmarks.api import ApiClient
from benchmarks.bursts import measure_bursts
from benchmarks.databases import is_reachable
from benchmarks.engine_costs import measure_engines
from benchmarks.latencies import measure_latencies
from benchmarks.memory import measure_growth
from benchmarks.messages import measure_messages
from benchmarks.options import BenchOptions
from benchmarks.report import print_header
from benchmarks.servers import PASSWORD
from benchmarks.start import measure_start
from benchmarks.throughput import measure_other_server, measure_throughput
from benchmarks.voice import measure_voice

PARTS: dict[str, Callable[[BenchOptions], None]] = {
    "throughput": measure_throughput,
    "start": measure_start,
    "memory": measure_growth,
    "engine": measure_engines,
    "latencies": measure_latencies,
    "bursts": measure_bursts,
    "messages": measure_messages,
    "voice": measure_voice,
}


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"parts to measure: {', '.join(PARTS)} [all]")
    parser.add_argument("--seconds", type=float, default=8, help="length of each load, in seconds [8]")
    parser.add_argument("--rounds", type=int, default=3, help="loads per figure; medians are printed [3]")
    parser.add_argument("--runs", type=int, default=10_000, help="runs for the growth of memory [10000]")
    parser.add_argument("--messages", type=int, default=100_000, help="messages from which pages are read [100000]")
    parser.add_argument(
        "--postgres-url",
        default="postgresql://postgres@127.0.0.1:5432/postgres",
        help="PostgreSQL server where databases can be created [%(default)s]",
    )
    parser.add_argument("--database", choices=["sqlite", "postgresql"], help="measure only this database [both]")
    parser.add_argument("--base-url", help="measure the runs of a server that is already running on this machine")
    parser.add_argument("--username", default="admin", help="user of the server at --base-url [admin]")
    parser.add_argument("--password", default=PASSWORD, help="password of the user at --base-url")
    arguments = parser.parse_args()
    if unknown := set(arguments.parts) - set(PARTS):
        parser.error(f"{', '.join(sorted(unknown))}: not a part. Choose from {', '.join(PARTS)}.")
    if arguments.base_url and urlsplit(arguments.base_url).hostname not in {"127.0.0.1", "localhost", "::1"}:
        parser.error("--base-url must be an address of this machine.")
    if arguments.database == "postgresql" and not is_reachable(arguments.postgres_url):
        parser.error(f"No PostgreSQL server answers at {arguments.postgres_url}. Start one or set --postgres-url.")
    return arguments


def main() -> None:
    """Measure the parts that the command line selects."""
    arguments = _parse_arguments()
    with_postgres = arguments.database != "sqlite" and is_reachable(arguments.postgres_url)
    options = BenchOptions(
        seconds=arguments.seconds,
        rounds=arguments.rounds,
        runs=arguments.runs,
        messages=arguments.messages,
        postgres_url=arguments.postgres_url if with_postgres else None,
        with_sqlite=arguments.database != "postgresql",
    )
    print_header()
    if arguments.base_url:
        measure_other_server(ApiClient(arguments.base_url, arguments.username, arguments.password), options)
        return
    for part in arguments.parts or PARTS:
        PARTS[part](options)


if __name__ == "__main__":
    main()
