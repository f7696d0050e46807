"""A server of several processes: it starts, serves each user from any process, and stops."""

from __future__ import annotations

from pathlib import Path

import httpx2

from tests.support.clients import log_in
from tests.support.flow_builder import echo_flow
from tests.support.flows import create_flow
from tests.support.process import free_port, start

#: Requests on new connections, of which each process receives some.
REQUESTS = 20


def test_a_server_of_two_processes_starts_runs_flows_and_stops(database_url: str | None, tmp_path: Path) -> None:
    port = free_port()
    process = start(port, tmp_path, database_url, LANGFLOW_WORKERS="2")
    base = f"http://127.0.0.1:{port}"
    try:
        headers = log_in(base)
        with httpx2.Client(base_url=base, headers=headers, timeout=60) as client:
            flow_id = create_flow(client, echo_flow())
        for number in range(REQUESTS):
            body = {"input_value": f"message {number}"}
            answer = httpx2.post(f"{base}/api/v1/run/{flow_id}", json=body, headers=headers, timeout=60)
            assert answer.status_code == 200
        messages = httpx2.get(f"{base}/api/v1/monitor/messages", params={"flow_id": flow_id}, headers=headers).json()
        assert {m["text"] for m in messages} == {f"message {number}" for number in range(REQUESTS)}
        process.terminate()
        assert process.wait(60) == 0
    finally:
        process.kill()
