"""MCP clients over the older SSE transport."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import anyio
import httpx2
import pytest
from mcp import Client
from mcp.client.sse import sse_client

from headrace.app import create_app
from tests.conftest import settings_for
from tests.support.clients import log_in, signed_in
from tests.support.flow_builder import echo_flow, model_flow
from tests.support.flows import create_flow
from tests.support.mcp_clients import post_message
from tests.support.model_server import KEY, NEVER
from tests.support.process import free_port, start
from tests.support.server import serving
from tests.support.waiting import until


@contextlib.asynccontextmanager
async def connected(url: str, headers: dict[str, str]) -> AsyncIterator[Client]:
    try:
        async with Client(sse_client(url, headers=headers), mode="legacy") as client:
            yield client
    except* anyio.BrokenResourceError:
        pass  # A notification that arrives while the SDK closes its streams fails in the SDK.


async def call_echo(url: str, headers: dict[str, str], tool: str) -> str:
    async with connected(url, headers) as client:
        assert tool in [t.name for t in (await client.list_tools()).tools]
        result = await client.call_tool(tool, {"input_value": "over SSE"})
        return str(result.structured_content["result"])


@pytest.mark.parametrize("path", ["/api/v1/mcp/sse", "/api/mcp/sse", "project"])
@pytest.mark.parametrize("how", ["header", "query"])
def test_tools_are_listed_and_called_over_sse(client: httpx2.Client, path: str, how: str) -> None:
    project = client.post("/api/v1/projects/", json={"name": f"p {uuid.uuid4()}"}).json()["id"]
    tool = f"echo_{uuid.uuid4().hex[:8]}"
    create_flow(client, echo_flow(), mcp_enabled=True, action_name=tool, folder_id=project)
    key = client.post("/api/v1/api_key/", json={"name": "mcp"}).json()["api_key"]
    path = f"/api/v1/mcp/project/{project}/sse" if path == "project" else path
    url = str(client.base_url).rstrip("/") + path
    assert client.head(path).status_code == 200
    # The messages of a client that sends its key in the query have no key.
    headers, url = ({"x-api-key": key}, url) if how == "header" else ({}, f"{url}?x-api-key={key}")
    assert asyncio.run(call_echo(url, headers, tool)) == "over SSE"


@contextlib.contextmanager
def open_stream(client: httpx2.Client, path: str = "/api/v1/mcp/sse") -> Iterator[str]:
    """Open a session and yield the address for its messages."""
    with client.stream("GET", path) as response:
        assert response.status_code == 200, response.read()
        # A closed iterator would close the stream.
        lines = response.iter_lines()
        yield next(line for line in lines if line.startswith("data: ")).removeprefix("data: ")
        del lines


def test_streams_and_messages_without_credentials_are_refused(client: httpx2.Client) -> None:
    project = client.post("/api/v1/projects/", json={"name": f"p {uuid.uuid4()}"}).json()["id"]
    with httpx2.Client(base_url=client.base_url, timeout=30) as anonymous:
        for path in ("/api/v1/mcp/sse", "/api/mcp/sse", f"/api/v1/mcp/project/{project}/sse"):
            assert anonymous.get(path).status_code == 403
            assert anonymous.get(path, headers={"x-api-key": "sk-wrong"}).status_code == 403
        for path in ("/api/v1/mcp/", f"/api/v1/mcp/project/{project}"):
            assert post_message(anonymous, "ping", path=f"{path}?session_id={uuid.uuid4().hex}").status_code == 403
            assert post_message(client, "ping", path=f"{path}?session_id={uuid.uuid4().hex}").status_code == 404


def test_the_id_of_a_session_is_a_credential_for_its_messages_only(client: httpx2.Client) -> None:
    project = client.post("/api/v1/projects/", json={"name": f"p {uuid.uuid4()}"}).json()["id"]
    key = client.post("/api/v1/api_key/", json={"name": "mcp"}).json()
    with (
        httpx2.Client(base_url=client.base_url, timeout=30, headers={"x-api-key": key["api_key"]}) as owner,
        httpx2.Client(base_url=client.base_url, timeout=30) as anonymous,
        open_stream(owner) as endpoint,
    ):
        assert post_message(anonymous, "ping", path=endpoint).status_code == 202
        query = endpoint.partition("?")[2]
        assert post_message(anonymous, "ping", path=f"/api/v1/mcp/project/{project}/?{query}").status_code == 404
        for path in ("/api/v1/mcp/streamable", f"/api/v1/mcp/project/{project}/streamable"):
            assert post_message(anonymous, "ping", path=f"{path}?{query}").status_code == 403
        client.delete(f"/api/v1/api_key/{key['id']}")
        assert post_message(anonymous, "ping", path=endpoint).status_code == 403


def test_the_address_for_messages_has_the_root_path(tmp_path: Path) -> None:
    with (
        serving(create_app(settings_for(tmp_path, root_path="/flows"))) as base,
        httpx2.Client(base_url=base, headers=log_in(base), timeout=30) as client,
        open_stream(client, "/flows/api/v1/mcp/sse") as endpoint,
    ):
        assert endpoint.startswith("/flows/api/v1/mcp/?session_id=")
        assert post_message(client, "ping", path=endpoint).status_code == 202


def test_a_user_has_a_maximum_number_of_streams_and_an_abandoned_call_frees_its_slot(
    tmp_path: Path, model_url: str
) -> None:
    with signed_in(create_app(settings_for(tmp_path, max_runs=1, mcp_max_sessions_per_user=1))) as client:
        create_flow(client, model_flow(model_url, KEY), mcp_enabled=True, action_name="slow")
        echo_id = create_flow(client, echo_flow())
        base, headers = str(client.base_url).rstrip("/"), {"authorization": client.headers["authorization"]}

        def run_echo() -> int:
            return client.post(f"/api/v1/run/{echo_id}", json={"input_value": "x"}).status_code

        async def abandon() -> None:
            async with connected(f"{base}/api/v1/mcp/sse", headers) as mcp:
                call = asyncio.create_task(mcp.call_tool("slow", {"input_value": NEVER}))
                await anyio.to_thread.run_sync(lambda: until(lambda: run_echo() == 429))
                assert client.get("/api/v1/mcp/sse").status_code == 503
                call.cancel()

        asyncio.run(abandon())
        until(lambda: run_echo() == 200)
        with open_stream(client):
            pass


def test_a_server_with_open_streams_stops(tmp_path: Path) -> None:
    port = free_port()
    process = start(port, tmp_path, log=tmp_path / "log")
    base = f"http://127.0.0.1:{port}"
    with httpx2.Client(base_url=base, headers=log_in(base), timeout=60) as client:
        opened = post_message(
            client,
            "initialize",
            {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
        )
        session = {"mcp-session-id": opened.headers["mcp-session-id"], "accept": "text/event-stream"}
        with (
            client.stream("GET", "/api/v1/mcp/sse") as sse,
            client.stream("GET", "/api/v1/mcp/streamable", headers=session) as stream,
        ):
            assert (sse.status_code, stream.status_code) == (200, 200)
            process.terminate()
            # Both streams end in order: the client sees no broken response.
            assert "endpoint" in sse.read().decode()
            stream.read()
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    assert "ERROR" not in (tmp_path / "log").read_text()
