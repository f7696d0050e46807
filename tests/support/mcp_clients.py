"""Clients of the MCP server, made with the official SDK."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

GLOBAL = "/api/v1/mcp/streamable"
#: A client that opens a session with the handshake, and one with the protocol of 2026-07-28, which has no sessions.
MODES = ("legacy", "2026-07-28")


def project_path(project_id: str) -> str:
    """Return the path of a project's server for streamable HTTP."""
    return f"/api/v1/mcp/project/{project_id}/streamable"


@contextlib.asynccontextmanager
async def streamable_client(
    url: str, headers: Mapping[str, str], mode: Any = "legacy", **options: Any
) -> AsyncIterator[Client]:
    """Connect over streamable HTTP.

    Args:
        url: the address of the server, such as `http://127.0.0.1:7860/api/v1/mcp/streamable`.
        headers: the credentials.
        mode: `legacy` for a session, or a version of the protocol without sessions.
        options: other arguments of `Client`.

    """
    async with (
        httpx2.AsyncClient(headers=dict(headers), timeout=60) as http,
        Client(streamable_http_client(url, http_client=http), mode=mode, **options) as client,
    ):
        yield client


def post_message(
    client: httpx2.Client,
    method: str,
    params: dict[str, Any] | None = None,
    path: str = GLOBAL,
    headers: Mapping[str, str] | None = None,
) -> httpx2.Response:
    """Post a JSON-RPC request without the SDK."""
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params or {}}
    return client.post(path, json=body, headers={"accept": "application/json, text/event-stream", **(headers or {})})


def initialize_params() -> dict[str, Any]:
    """Return the parameters of the handshake."""
    return {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "tests", "version": "1"}}
