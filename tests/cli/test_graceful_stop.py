"""A stop signal: active runs have time to end, new ones are refused, and those that do not end report an error."""

from __future__ import annotations

import json
import signal
import subprocess
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.blocking_component import sleeping_flow, write_sleeper
from tests.support.clients import log_in
from tests.support.flow_builder import FlowBuilder
from tests.support.flows import create_flow
from tests.support.process import free_port, start
from tests.support.waiting import until

#: Longer than any test waits for a run.
ENDLESS_SECONDS = 600.0


def sleeping_webhook() -> dict[str, Any]:
    """Return a flow that a webhook starts and that does not end."""
    flow = sleeping_flow(ENDLESS_SECONDS)
    flow["nodes"] += FlowBuilder().node("Webhook", "Webhook-w").data["nodes"]
    return flow


def stream_lines(client: httpx2.Client, flow_id: str, started: Future[None]) -> list[dict[str, Any]]:
    """Run a flow as a stream and return its events. `started` is set with the first piece of the response."""
    lines: list[dict[str, Any]] = []
    with client.stream("POST", f"/api/v1/run/{flow_id}?stream=true", json={"input_value": "x"}) as response:
        for line in response.iter_lines():
            if not started.done():
                started.set_result(None)
            if line.strip():
                lines.append(json.loads(line))
    return lines


def build_events(client: httpx2.Client, flow_id: str) -> list[str]:
    """Start a build and return the names of its events."""
    job_id = client.post(f"/api/v1/build/{flow_id}/flow", json={}).json()["job_id"]
    with client.stream("GET", f"/api/v1/build/{job_id}/events?event_delivery=streaming") as response:
        return [json.loads(line)["event"] for line in response.iter_lines() if line.strip()]


def wait_for_exit(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(60)
    finally:
        process.kill()


def test_runs_that_do_not_end_in_the_grace_period_end_with_an_error_and_jobs_are_handed_back(
    own_database_url: str | None, tmp_path: Path
) -> None:
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    components = str(write_sleeper(tmp_path))
    process = start(
        port, tmp_path, own_database_url, LANGFLOW_COMPONENTS_PATH=components, HEADRACE_SHUTDOWN_GRACE_SECONDS="8"
    )
    try:
        headers = log_in(base)
        with (
            httpx2.Client(base_url=base, headers=headers, timeout=60) as client,
            ThreadPoolExecutor() as threads,
        ):
            flow_id = create_flow(client, sleeping_flow(ENDLESS_SECONDS))
            webhook_id = create_flow(client, sleeping_webhook())
            job_id = client.post(f"/api/v1/webhook/{webhook_id}", json={}).json()["job_id"]
            until(lambda: client.get(f"/api/v1/jobs/{job_id}").json()["status"] == "running")
            started: Future[None] = Future()
            stream = threads.submit(stream_lines, client, flow_id, started)
            answer = threads.submit(client.post, f"/api/v1/run/{flow_id}", json={"input_value": "x"})
            build = threads.submit(build_events, client, flow_id)
            started.result(30)
            process.send_signal(signal.SIGTERM)
            refused = until(lambda: (r := client.get("/health")).status_code == 503 and r)
            assert int(refused.headers["retry-after"]) > 0
            refused = client.post(f"/api/v1/run/{flow_id}", json={"input_value": "new"})
            assert (refused.status_code, "retry-after" in refused.headers) == (503, True)
            assert "starts no new runs" in refused.json()["detail"]
            assert client.post(f"/api/v1/webhook/{webhook_id}", json={}).status_code == 503

            response = answer.result(60)
            assert response.status_code == 503
            assert "stopped this run before its end" in response.json()["detail"]
            last = stream.result(60)[-1]
            assert last["event"] == "error"
            assert "stopped this run" in json.dumps(last["data"])
            assert build.result(60)[-2:] == ["error", "end"]
        wait_for_exit(process)
    finally:
        process.kill()
    with_another = start(
        port, tmp_path, own_database_url, LANGFLOW_COMPONENTS_PATH=components, HEADRACE_SHUTDOWN_GRACE_SECONDS="0"
    )
    try:
        job = httpx2.get(f"{base}/api/v1/jobs/{job_id}", headers=log_in(base)).json()
        assert job["status"] in {"queued", "running"}
    finally:
        with_another.terminate()
        wait_for_exit(with_another)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_run_that_ends_in_the_grace_period_is_answered(workers: str, tmp_path: Path) -> None:
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    process = start(
        port,
        tmp_path,
        LANGFLOW_COMPONENTS_PATH=str(write_sleeper(tmp_path)),
        LANGFLOW_WORKERS=workers,
        HEADRACE_SHUTDOWN_GRACE_SECONDS="30",
    )
    try:
        with (
            httpx2.Client(base_url=base, headers=log_in(base), timeout=60) as client,
            ThreadPoolExecutor() as threads,
        ):
            flow_id = create_flow(client, sleeping_flow(3))
            started: Future[None] = Future()
            stream = threads.submit(stream_lines, client, flow_id, started)
            started.result(30)
            process.send_signal(signal.SIGTERM)
            assert stream.result(60)[-1]["event"] == "end"
        wait_for_exit(process)
    finally:
        process.kill()


def test_a_second_interrupt_stops_the_runs_at_once(tmp_path: Path) -> None:
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    process = start(
        port,
        tmp_path,
        LANGFLOW_COMPONENTS_PATH=str(write_sleeper(tmp_path)),
        HEADRACE_SHUTDOWN_GRACE_SECONDS=str(ENDLESS_SECONDS),
    )
    try:
        with (
            httpx2.Client(base_url=base, headers=log_in(base), timeout=60) as client,
            ThreadPoolExecutor() as threads,
        ):
            flow_id = create_flow(client, sleeping_flow(ENDLESS_SECONDS))
            started: Future[None] = Future()
            stream = threads.submit(stream_lines, client, flow_id, started)
            started.result(30)
            process.send_signal(signal.SIGINT)
            until(lambda: client.get("/health").status_code == 503)
            process.send_signal(signal.SIGINT)
            assert stream.result(60)[-1]["event"] == "error"
        wait_for_exit(process)
    finally:
        process.kill()
