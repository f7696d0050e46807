"""The kinds of hostile requests."""

from __future__ import annotations

import contextlib
import json
import logging
import random
import socket
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import hypothesis
import schemathesis
from hypothesis import HealthCheck, given
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode

import headrace.starter_flows
from tests.fuzz.hostile_values import hostile_value, mutate
from tests.support.flow_builder import echo_flow
from tests.support.probe import AttackedServer

log = logging.getLogger("fuzz")

#: Server errors that are documented answers: not enabled, another server failed, a time limit.
EXPECTED_SERVER_ERRORS = {501, 502, 504}
_SOCKET_TIMEOUT_SECONDS = 5
_EXAMPLES_PER_OPERATION = 10


@dataclass(slots=True)
class Findings:
    """The requests that were sent, and the answers that must not occur."""

    requests: int = 0
    failures: list[str] = field(default_factory=list)

    def check(self, seed: int, label: str, status: int, text: str) -> None:
        """Count an answer, and record it if it is an unexpected server error."""
        self.requests += 1
        if status >= 500 and status not in EXPECTED_SERVER_ERRORS:
            self.fail(f"seed {seed}: {label}: {status} {text[:300]}")

    def fail(self, failure: str) -> None:
        """Record and report a failure."""
        self.failures.append(failure)
        log.error("%s", failure)


class Attacks:
    """Sends hostile requests as several users of a server."""

    def __init__(self, server: AttackedServer, operations: dict[str, Any], findings: Findings) -> None:
        self._server = server
        self._operations = operations
        self._findings = findings
        self._generating = threading.Lock()
        folder = Path(headrace.starter_flows.__file__).parent
        flows = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
        self._flows = [*flows, {"name": "echo", "data": echo_flow()}]

    def send(self, seed: int) -> None:
        """Send the requests of a seed."""
        chance = random.Random(seed)
        chance.choice([self._call_operation, self._call_operation, self._send_flow, self._send_bytes])(seed, chance)

    def _headers(self, chance: random.Random) -> dict[str, str]:
        return chance.choice([self._server.attacker, self._server.attacker, self._server.admin, {}])

    def _call_operation(self, seed: int, chance: random.Random) -> None:
        label = chance.choice(list(self._operations))
        if label == "POST /api/v1/logout":
            return
        headers = self._headers(chance)
        mode = chance.choice([GenerationMode.POSITIVE, GenerationMode.NEGATIVE])

        @hypothesis.seed(seed)
        @given(case=self._operations[label].as_strategy(generation_mode=mode))
        @hypothesis.settings(
            max_examples=_EXAMPLES_PER_OPERATION, database=None, suppress_health_check=list(HealthCheck)
        )
        def generate(case: schemathesis.Case[Any]) -> None:
            cases.append(case)

        cases: list[schemathesis.Case[Any]] = []
        # No invalid request exists for an operation without parameters. Hypothesis is not made for several threads.
        with self._generating, contextlib.suppress(Unsatisfiable):
            generate()
        for case in cases:
            response = case.call(base_url=self._server.base_url, headers=headers, timeout=60)
            self._findings.check(seed, f"{label} {response.request.url}", response.status_code, response.text)

    def _send_flow(self, seed: int, chance: random.Random) -> None:
        """Save, read, run, build, export and delete a mutated flow."""
        flow = mutate(chance.choice(self._flows), chance, chance.randrange(1, 12))
        if isinstance(flow, dict):
            flow["access_type"] = chance.choice(["PUBLIC", "PRIVATE"])
        body = chance.choice([flow, {"flows": [flow]}])
        with self._server.client(self._server.attacker) as client:

            def call(method: str, path: str, **options: Any) -> Any:
                response = client.request(method, path, **options)
                self._findings.check(seed, f"{method} {path}", response.status_code, response.text)
                return response

            path = "/api/v1/flows/batch/" if body is not flow else "/api/v1/flows/"
            saved = call("POST", path, json=body)
            call("GET", "/api/v1/flows/", params={"get_all": "true", "header_flows": "true"})
            if saved.status_code != 201:
                return
            rows = saved.json() if isinstance(saved.json(), list) else [saved.json()]
            for row in rows:
                identity = row["id"]
                tweaks = {"a": hostile_value(chance)} if chance.random() < 0.3 else {}
                call("POST", f"/api/v1/run/{identity}", json={"input_value": "hello", "tweaks": tweaks})
                call("POST", f"/api/v1/build/{identity}/flow?event_delivery=direct", json={})
                call("POST", f"/api/v1/webhook/{identity}", json=hostile_value(chance))
                call("GET", f"/api/v1/flows/public_flow/{identity}")
                call("POST", "/api/v1/flows/download/", json=[identity])
                call("GET", f"/api/v1/flows/{identity}")
                call("DELETE", f"/api/v1/flows/{identity}")

    def _send_bytes(self, seed: int, chance: random.Random) -> None:
        """Send bytes that are hardly HTTP, and leave."""
        host, port = urlsplit(self._server.base_url).netloc.split(":")
        noise = chance.randbytes(chance.choice([1, 50, 5000]))
        path = chance.choice(["/health", "/api/v1/login", "/api/v1/run/x", "/%00", "/" + "a" * 9000, "//", "/../.."])
        lines = [
            f"{chance.choice(['GET', 'POST', 'PUT', 'X' * 300, 'CONNECT'])} {path} HTTP/{chance.choice(['1.1', '1.0', '9.9'])}",
            "Host: x",
            chance.choice(
                ["Content-Length: 100", "Content-Length: -1", "Transfer-Encoding: chunked", "A: " + "b" * 70_000]
            ),
            chance.choice(
                ["Connection: upgrade\r\nUpgrade: websocket", "Cookie: " + "c=d; " * 500, "Expect: 100-continue"]
            ),
        ]
        with contextlib.suppress(OSError), socket.create_connection((host, int(port)), _SOCKET_TIMEOUT_SECONDS) as peer:
            peer.sendall("\r\n".join(lines).encode()[: chance.choice([10, 10_000])])
            peer.sendall(chance.choice([b"\r\n\r\n", b""]) + noise)
            if chance.random() < 0.5:
                peer.shutdown(socket.SHUT_WR)
                answer = peer.recv(100)
                status = answer[9:12]
                self._findings.check(seed, "bytes", int(status) if status.isdigit() else 0, answer.decode("latin-1"))
                return
        self._findings.check(seed, "bytes", 0, "")
