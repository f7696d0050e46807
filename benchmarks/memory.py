"""The growth of memory over many runs."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.api import ApiClient
from benchmarks.client import send_count
from benchmarks.flows import echo_flow, model_flow
from benchmarks.options import BenchOptions
from benchmarks.report import print_row
from benchmarks.servers import PASSWORD, start_headrace, start_model_server

CONNECTIONS = 32
#: Runs after which caches and allocators are filled, as a share of the measured runs.
WARM_UP_SHARE = 0.2


def measure_growth(options: BenchOptions) -> None:
    """Measure resident memory before and after many runs on each database."""
    for name in options.databases:
        with (
            tempfile.TemporaryDirectory() as folder,
            options.create_database(name) as url,
            start_model_server() as models,
            start_headrace(Path(folder), url) as server,
        ):
            client = ApiClient(server.base_url, "admin", PASSWORD)
            templates = client.templates()
            flows = {"echo": echo_flow(templates), "model": model_flow(templates, f"{models.base_url}/v1")}
            for flow, data in flows.items():
                request = client.run_request(client.create_flow(data))
                warm_up = send_count(request, connections=CONNECTIONS, count=int(options.runs * WARM_UP_SHARE))
                before = server.resident_mib()
                result = send_count(request, connections=CONNECTIONS, count=options.runs)
                print_row(
                    f"{name}, resident memory over {options.runs} runs of the {flow} flow",
                    f"{before:.0f} → {server.resident_mib():.0f} MiB ({warm_up.errors + result.errors} errors)",
                    "no growth",
                )
