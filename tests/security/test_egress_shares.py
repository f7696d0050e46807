"""Outbound requests of one account neither close nor delay those of another, and each is bounded."""

from __future__ import annotations

import asyncio
import gzip
import threading
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

import httpx2
import pytest

from headrace.limits.account import Account, current_account
from headrace.net.egress import EgressGuard
from headrace.net.limits import EgressLimits, RequestTimeLimitError, ResponseTooLargeError, TooManyConnectionsError
from tests.support.raw_server import answering, text_response

T = TypeVar("T")

MALLORY, BOB = Account("mallory"), Account("bob")
#: More hosts than the guard keeps connections to.
MANY_HOSTS = [f"127.0.{n // 250}.{n % 250 + 1}" for n in range(300)]


async def as_account(account: Account, work: Awaitable[T]) -> T:
    """Await work in a task that counts against an account."""
    current_account.set(account)
    return await work


def in_guard(use: Callable[[EgressGuard], Awaitable[T]], limits: EgressLimits | None = None) -> T:
    """Call a function with a guard that allows loopback addresses, within a time limit."""

    async def run() -> T:
        guard = EgressGuard(enabled=True, allowed=["127.0.0.0/8"], limits=limits)
        try:
            async with asyncio.timeout(30):
                return await use(guard)
        finally:
            await guard.close()

    return asyncio.run(run())


async def respond_ok(head: str, writer: asyncio.StreamWriter) -> None:
    writer.write(text_response())


async def never_end(head: str, writer: asyncio.StreamWriter) -> None:
    """Start a response with an endless body, unless the request asks for a short one."""
    if "get /short" in head:
        writer.write(text_response())
        return
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nfirst")
    await writer.drain()
    await asyncio.Event().wait()


async def drip_body(head: str, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    await drip(writer, b"x")


async def drip_headers(head: str, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    await drip(writer, b"x")


async def drip(writer: asyncio.StreamWriter, data: bytes) -> None:
    while True:
        writer.write(data)
        await writer.drain()
        await asyncio.sleep(0.02)


def test_requests_to_many_hosts_do_not_close_the_download_of_another_account() -> None:
    parts = [b"a" * 1000, b"b" * 1000]
    proceed = threading.Event()

    async def respond(head: str, writer: asyncio.StreamWriter) -> None:
        if "get /download" not in head:
            writer.write(text_response())
            return
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n" + parts[0])
        await writer.drain()
        await asyncio.to_thread(proceed.wait, 20)
        writer.write(parts[1])

    with answering(respond) as port:

        async def attack(guard: EgressGuard) -> bytes:
            async def download() -> bytes:
                async with (
                    guard.client(20) as client,
                    client.stream("GET", f"http://127.9.9.9:{port}/download") as answer,
                ):
                    chunks = answer.aiter_raw()
                    received = await anext(chunks)
                    started.set()
                    return received + b"".join([chunk async for chunk in chunks])

            async def visit_hosts() -> None:
                client = guard.client(20)
                for host in MANY_HOSTS:
                    await client.get(f"http://{host}:{port}/")

            started = asyncio.Event()
            downloading = asyncio.create_task(as_account(BOB, download()))
            await started.wait()
            await asyncio.create_task(as_account(MALLORY, visit_hosts()))
            proceed.set()
            return await downloading

        assert in_guard(attack) == b"".join(parts)


@pytest.mark.parametrize(
    ("limits", "hosts"),
    [
        (EgressLimits(connections=20), MANY_HOSTS[:1]),
        (EgressLimits(connections=20), MANY_HOSTS),
        (EgressLimits(connections_per_host=20), MANY_HOSTS[:1]),
        (EgressLimits(), MANY_HOSTS),
    ],
    ids=["one host", "many hosts", "per host", "more hosts than pools"],
)
def test_endless_downloads_of_one_account_leave_connections_to_others(limits: EgressLimits, hosts: list[str]) -> None:
    with answering(never_end) as port:

        async def attack(guard: EgressGuard) -> tuple[int, list[type[BaseException]]]:
            client = guard.client(20)

            async def download(host: str) -> None:
                async with client.stream("GET", f"http://{host}:{port}/endless") as answer:
                    await answer.aread()

            urls = [hosts[n % len(hosts)] for n in range(300)]
            attacks = [asyncio.create_task(as_account(MALLORY, download(host))) for host in urls]
            # The requests beyond the attacker's share fail after their wait; the others stay.
            await asyncio.wait(attacks, timeout=0.5)
            answer = await asyncio.create_task(as_account(BOB, client.get(f"http://{hosts[0]}:{port}/short")))
            await asyncio.wait(attacks, return_when=asyncio.FIRST_COMPLETED)
            failures = [type(task.exception() or Exception()) for task in attacks if task.done()]
            for task in attacks:
                task.cancel()
            await asyncio.gather(*attacks, return_exceptions=True)
            return answer.status_code, failures

        status, failures = in_guard(attack, replace(limits, wait_seconds=1.5))
        assert status == 200
        assert set(failures) == {TooManyConnectionsError}


def test_a_cancelled_request_returns_its_connection() -> None:
    with answering(never_end) as port:

        async def cancel_many(guard: EgressGuard) -> int:
            client = guard.client(20)
            for _ in range(20):
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.02):
                        await client.get(f"http://127.0.0.1:{port}/endless")
            return (await client.get(f"http://127.0.0.1:{port}/short")).status_code

        assert in_guard(cancel_many, EgressLimits(connections=4, wait_seconds=1)) == 200


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "identity"])
def test_a_response_is_bounded_after_decompression(encoding: str) -> None:
    plain = bytes(64 << 20)
    body = {"gzip": gzip.compress(plain), "deflate": zlib.compress(plain), "identity": plain}[encoding]

    async def respond(head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(text_response(body, f"Content-Encoding: {encoding}"))

    with answering(respond) as port, pytest.raises(ResponseTooLargeError, match="HEADRACE_MAX_OUTBOUND_RESPONSE_MIB"):
        in_guard(lambda guard: guard.client(20).get(f"http://127.0.0.1:{port}/"))


@pytest.mark.parametrize("respond", [drip_headers, drip_body])
def test_a_response_that_drips_is_bounded_in_time(
    respond: Callable[[str, asyncio.StreamWriter], Awaitable[None]],
) -> None:
    with answering(respond) as port, pytest.raises(RequestTimeLimitError, match="HEADRACE_OUTBOUND_REQUEST_SECONDS"):
        in_guard(lambda guard: guard.client(20).get(f"http://127.0.0.1:{port}/"), EgressLimits(request_seconds=0.5))


@pytest.mark.parametrize(("target", "is_sent"), [("127.0.0.2", False), ("127.0.0.1", True)])
def test_a_redirect_to_another_host_drops_all_credentials(target: str, is_sent: bool) -> None:
    heads: list[str] = []

    async def respond(head: str, writer: asyncio.StreamWriter) -> None:
        heads.append(head)
        location = f"Location: http://{target}:{port}/end"
        writer.write(text_response(b"", location, status="307 Moved") if "/start" in head else text_response())

    credentials = {"authorization": "Bearer hunter2", "x-api-key": "hunter2", "x-other": "hunter2", "accept": "a/b"}
    with answering(respond) as port:
        url = f"http://127.0.0.1:{port}/start"
        in_guard(lambda guard: guard.client(20).get(url, headers=credentials))
    assert heads[0].count("hunter2") == 3
    assert heads[1].count("hunter2") == (3 if is_sent else 0)
    assert "accept: a/b" in heads[1]


def test_clients_that_users_share_store_no_cookies() -> None:
    heads: list[str] = []

    async def respond(head: str, writer: asyncio.StreamWriter) -> None:
        heads.append(head)
        writer.write(text_response(b"ok", "Set-Cookie: session=of-the-first-user; Path=/"))

    async def ask_twice(guard: EgressGuard) -> None:
        for _ in range(2):
            await guard.clients.http.get(f"http://127.0.0.1:{port}/")

    with answering(respond) as port:
        in_guard(ask_twice)
    assert "cookie" not in heads[1]


def test_proxies_in_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    async def get(guard: EgressGuard) -> httpx2.Response:
        return await guard.client(5).get(f"http://127.0.0.1:{port}/")

    with answering(respond_ok) as port:
        assert in_guard(get).status_code == 200
