"""Connections that send or read slowly, send endless headers, or are too many, are closed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.support.probe import AttackedServer
from tests.support.raw_http import RawConnection, status_of
from tests.support.server_processes import resident_bytes
from tests.support.waiting import until

#: The deadlines of the server, in seconds, and the longest time after which it has closed a connection that misses one.
DEADLINE = 1.0
CLOSED_WITHIN = 10.0
MAX_CONNECTIONS = 20


pytestmark = [
    pytest.mark.any_database,
    pytest.mark.server(
        HEADRACE_HEADERS_TIMEOUT_SECONDS=str(DEADLINE),
        HEADRACE_ANONYMOUS_BODY_TIMEOUT_SECONDS=str(DEADLINE),
        HEADRACE_STALL_TIMEOUT_SECONDS=str(DEADLINE),
        HEADRACE_KEEP_ALIVE_SECONDS="1",
        HEADRACE_MAX_CONNECTIONS_PER_ADDRESS=str(MAX_CONNECTIONS),
    ),
]


@pytest.fixture
def bearer(server: AttackedServer) -> str:
    return server.bystander["authorization"]


@pytest.fixture
def connection(server: AttackedServer) -> Iterator[RawConnection]:
    connection = RawConnection(server.base_url)
    yield connection
    connection.close()


def open_files(server: AttackedServer) -> int:
    return sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in server.pids)


def test_slow_headers_time_out(connection: RawConnection) -> None:
    connection.send(b"GET /health HTTP/1.1\r\nx-slow: ")
    assert connection.trickle(b"a") < CLOSED_WITHIN
    assert status_of(connection.received) == 408
    assert b"HEADRACE_HEADERS_TIMEOUT_SECONDS" in connection.received


def test_a_connection_without_a_request_is_closed(connection: RawConnection) -> None:
    assert connection.is_closed(CLOSED_WITHIN)


def test_a_connection_is_kept_for_the_next_request_until_it_is_idle(connection: RawConnection) -> None:
    for _ in range(2):
        connection.send_head("GET", "/health")
        assert status_of(connection.read_response()) == 200
    assert connection.is_closed(CLOSED_WITHIN)


def test_line_breaks_after_a_response_do_not_keep_a_connection_open(connection: RawConnection) -> None:
    connection.send_head("GET", "/health")
    assert status_of(connection.read_response()) == 200
    assert connection.trickle(b"\r\n") < CLOSED_WITHIN


@pytest.mark.parametrize("path", ["/api/v1/login", "/api/v1/build_public_tmp/x/flow", "/api/v1/run/denied", "/unknown"])
def test_a_slow_body_without_credentials_times_out(connection: RawConnection, path: str) -> None:
    connection.send_head("POST", path, content_length="60000", content_type="application/x-www-form-urlencoded")
    assert connection.trickle(b"a" * 100) < CLOSED_WITHIN


def test_a_stalled_body_with_credentials_times_out(connection: RawConnection, bearer: str) -> None:
    connection.send_head("POST", "/api/v1/run/any", authorization=bearer, content_length="100000")
    assert connection.trickle(b" ") < CLOSED_WITHIN
    assert status_of(connection.received) == 408
    assert b"HEADRACE_STALL_TIMEOUT_SECONDS" in connection.received


def test_a_slow_body_with_credentials_that_makes_progress_is_read(connection: RawConnection, bearer: str) -> None:
    body = b'{"input_value": "' + b"a" * 20_000 + b'"}'
    connection.send_head("POST", "/api/v1/run/missing", authorization=bearer, content_length=str(len(body)))
    # 40 pieces of 500 bytes take twice as long as the deadline.
    for start in range(0, len(body), 500):
        assert not connection.is_closed(0.05)
        assert connection.send(body[start : start + 500])
    assert status_of(connection.read_response()) == 404


def test_endless_and_numerous_headers_are_refused(server: AttackedServer) -> None:
    endless = RawConnection(server.base_url)
    endless.send(b"GET /health HTTP/1.1\r\nx-long: ")
    while endless.send(b"a" * 10_000) and not endless.is_closed(0.001):
        pass
    assert status_of(endless.received) in {0, 431}
    for headers in (b"x-a: b\r\n" * 200, b"x-a: " + b"b" * 100_000 + b"\r\n"):
        many = RawConnection(server.base_url)
        many.send(b"GET /health HTTP/1.1\r\n" + headers + b"\r\n")
        assert many.is_closed(CLOSED_WITHIN)
        assert status_of(many.received) == 431
        assert b"HEADRACE_MAX_HEADER_BYTES" in many.received


def test_endless_trailers_are_refused(connection: RawConnection) -> None:
    connection.send_head("POST", "/api/v1/login", transfer_encoding="chunked")
    connection.send(b"1\r\na\r\n0\r\nx-trailer: ")
    sent = 0
    while sent < 20_000_000 and connection.send(b"a" * 100_000) and not connection.is_closed(0.001):
        sent += 100_000
    assert sent < 20_000_000


def test_a_flood_of_pipelined_requests_is_cut_off(server: AttackedServer, connection: RawConnection) -> None:
    memory = resident_bytes(server.pid)
    connection.send(b"GET /health HTTP/1.1\r\n\r\n" * 50_000)
    assert connection.is_closed(CLOSED_WITHIN)
    assert 1 <= connection.received.count(b"HTTP/1.1 200") <= 20
    assert resident_bytes(server.pid) - memory < 32 << 20


def test_the_rest_of_a_denied_body_is_not_read_without_end(connection: RawConnection) -> None:
    connection.send_head("POST", "/api/v1/run/denied", content_length=str(1 << 40))
    sent = 0
    while sent < 200_000_000 and connection.send(b"a" * 1_000_000):
        sent += 1_000_000
    assert sent < 200_000_000


def test_a_client_that_does_not_read_is_disconnected(server: AttackedServer) -> None:
    before = open_files(server)
    readers = [RawConnection(server.base_url, receive_buffer=4096) for _ in range(10)]
    for reader in readers:
        reader.send(b"GET /docs/assets/swagger-ui-bundle.js HTTP/1.1\r\nhost: test\r\n\r\n" * 8)
    until(lambda: open_files(server) >= before + 10)
    until(lambda: open_files(server) <= before + 2)
    for reader in readers:
        reader.close()


def test_the_connections_of_one_address_are_limited(server: AttackedServer) -> None:
    # Other addresses of the loopback network are other clients. Each process counts connections.
    limit = MAX_CONNECTIONS * server.processes
    connections = [RawConnection(server.base_url, source="127.0.0.9") for _ in range(limit + 5)]
    for connection in connections:
        connection.send_head("GET", "/health")
    statuses = [status_of(c.read_response()) for c in connections]
    assert set(statuses) == {200, 429}
    assert MAX_CONNECTIONS <= statuses.count(200) <= limit
    assert httpx2.get(f"{server.base_url}/health").status_code == 200
    for connection in connections:
        connection.close()
    again = RawConnection(server.base_url, source="127.0.0.9")
    again.send_head("GET", "/health", connection="close")
    assert status_of(again.read_response()) == 200


def test_a_refused_request_leaves_no_connection_behind(server: AttackedServer) -> None:
    before = open_files(server)
    for _ in range(3 * MAX_CONNECTIONS):
        connection = RawConnection(server.base_url, source="127.0.0.10")
        connection.send(b"GET /health HTTP/1.1\r\n" + b"x-a: b\r\n" * 200 + b"\r\n")
        assert connection.is_closed(CLOSED_WITHIN)
        connection.close()
    until(lambda: open_files(server) <= before + 5)
