"""Bodies of concurrent requests cannot fill the memory or occupy the server."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import httpx2
import pytest

from tests.security.shared_settings import SMALL_QUOTAS
from tests.support.flow_builder import FlowBuilder
from tests.support.flows import create_flow
from tests.support.probe import AttackedServer
from tests.support.raw_http import RawConnection, status_of

pytestmark = pytest.mark.any_database

ANONYMOUS_PATHS = (
    "/api/v1/login",
    f"/api/v1/build_public_tmp/{'0' * 32}/flow",
    "/api/v1/run/denied",
    "/api/v1/refresh",
)
STALLED = 60
BODY_BYTES = 9_600_000


@contextlib.contextmanager
def stalled(base: str, count: int, path: str, size: int, **headers: str) -> Iterator[list[RawConnection]]:
    """Open connections that send all of a body but its last byte."""
    connections = []
    for _ in range(count):
        connection = RawConnection(base)
        connection.send_head("POST", path, content_length=str(size), content_type="application/json", **headers)
        connection.send(b"[" * (size - 1))
        connections.append(connection)
    try:
        yield connections
    finally:
        for connection in connections:
            connection.close()


def webhook_flow() -> dict[str, object]:
    return FlowBuilder().node("Webhook", "Webhook-a").data


def test_stalled_anonymous_bodies_take_little_memory(server: AttackedServer) -> None:
    with server.observe() as observation:
        for path in ANONYMOUS_PATHS:
            with stalled(server.base_url, STALLED // 4, path, BODY_BYTES):
                pass
            with stalled(server.base_url, STALLED, path, 60_000):
                pass
    observation.assert_available()
    observation.assert_memory(64 << 20)


def test_stalled_payloads_of_webhooks_share_a_budget(server: AttackedServer) -> None:
    with server.client(server.admin) as admin:
        path = f"/api/v1/webhook/{create_flow(admin, webhook_flow())}"
    # Each process has a budget, so that one of them receives more than that.
    count = STALLED * server.processes
    with server.observe() as observation, stalled(server.base_url, count, path, 1_900_000) as connections:
        statuses = [status_of(c.received) for c in connections if c.is_closed(0.1)]
        assert statuses.count(503) > 0, statuses
    # What is released serves the next call.
    assert httpx2.post(f"{server.base_url}{path}", content=b"a" * 1_900_000).status_code == 202
    observation.assert_available()
    observation.assert_memory(128 << 20)


@pytest.mark.server(**SMALL_QUOTAS)
def test_the_bodies_of_one_address_take_at_most_their_share(server: AttackedServer) -> None:
    headers = {"authorization": server.attacker["authorization"]}
    with stalled(server.base_url, 3 * server.processes, "/api/v1/flows/", 450_000, **headers) as connections:
        refused = next(c for c in connections if c.is_closed(1.0))
        assert status_of(refused.received) == 429
        assert b"retry-after: 1" in refused.received
        assert b"HEADRACE_MAX_BODY_BYTES_IN_FLIGHT" in refused.received
        # Another client is not affected.
        other = RawConnection(server.base_url, source="127.0.0.2")
        body = b'{"name": "' + b"a" * 400_000 + b'"}'
        other.send_head("POST", "/api/v1/flows/", content_length=str(len(body)), **headers)
        other.send(body)
        assert status_of(other.read_response()) == 422
    with server.client(server.attacker) as client:
        assert client.post("/api/v1/flows/", content=b'{"name": "' + b"a" * 900_000 + b'"}').status_code == 422


def test_a_large_anonymous_body_is_refused_before_it_is_parsed(server: AttackedServer) -> None:
    body = b"[" + b"[]," * (BODY_BYTES // 3) + b"[]]"
    with server.observe() as observation, server.client() as anonymous:
        for path in ANONYMOUS_PATHS:
            response = anonymous.post(path, content=body, headers={"content-type": "application/json"})
            assert response.status_code in {403, 413}, path
            if response.status_code == 413:
                assert "HEADRACE_MAX_ANONYMOUS_REQUEST_BYTES" in response.json()["detail"]
    observation.assert_available()
    observation.assert_memory(32 << 20)


def test_a_body_of_countless_values_is_refused_before_it_is_parsed(server: AttackedServer) -> None:
    body = b'{"name": "x", "data": {"nodes": [' + b"[]," * 3_000_000 + b'[]], "edges": []}}'
    with server.observe() as observation, server.client(server.attacker) as attacker:
        for method, path in (("POST", "/api/v1/flows/"), ("POST", "/api/v1/run/any")):
            response = attacker.request(method, path, content=body)
            assert response.status_code == 400
            assert "JSON values" in response.json()["detail"]
    observation.assert_available()
    observation.assert_memory(128 << 20)


def test_the_limit_on_bodies_of_users_still_allows_what_it_says(server: AttackedServer) -> None:
    with server.client(server.attacker) as user:
        assert user.post("/api/v1/flows/", json={"name": "big", "description": "a" * 9_900_000}).status_code == 201
        too_large = user.post("/api/v1/flows/", json={"name": "big", "description": "a" * 10_000_000})
        assert too_large.status_code == 413
        assert "HEADRACE_MAX_REQUEST_BYTES" in too_large.json()["detail"]
