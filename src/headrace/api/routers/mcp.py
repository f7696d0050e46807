"""The MCP server of all projects of the caller."""

from __future__ import annotations

import re
from typing import Any

from fastapi import APIRouter, Request, Response

from headrace.api.dependencies import CurrentUser, Services, ServicesDep
from headrace.api.http.mcp_response import McpMessageResponse, McpResponse, McpSseResponse
from headrace.api.http.root_path import route_path
from headrace.errors import NotFoundError
from headrace.mcp.provider import Caller

router = APIRouter(tags=["mcp"])

#: The prefixes under which Langflow serves the same operations.
PREFIXES = ("/api/v1/mcp", "/api/mcp")

#: The responses of an address for streamable HTTP.
STREAMABLE_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"text/event-stream": {}, "application/json": {"schema": {"type": "object"}}},
        "description": "A stream of messages, or the result as JSON",
    },
    202: {"description": "The notification was accepted"},
    404: {"description": "The session has ended, or the caller has no such project; open a new session"},
    405: {"description": "The server opens no sessions"},
    406: {"description": "The client must accept JSON and event streams"},
    409: {"description": "The session already has a stream"},
    415: {"description": "The body must be JSON"},
    500: {"description": "The session ended before the request was completed"},
    501: {"description": "An operator has switched the MCP server off"},
    503: {"description": "The user has too many open sessions, or the database is unavailable"},
}

SSE_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"text/event-stream": {}},
        "description": "The stream; its first event has the address for messages",
    },
    404: {"description": "The caller has no such project"},
    501: {"description": "The MCP server is off, or opens no sessions"},
    503: {"description": "The user has too many open sessions, or the database is unavailable"},
}
MESSAGE_RESPONSES: dict[int | str, dict[str, Any]] = {
    202: {
        "content": {"text/plain": {"schema": {"type": "string"}}},
        "description": "The message was accepted; its answer is sent on the stream",
    },
    404: {"description": "No such session is open"},
    501: {"description": "An operator has switched the MCP server off"},
}


def operation(path: str, name: str, method: str = "post") -> dict[str, Any]:
    """Return the part of the OpenAPI operation of `path` that has the operation id of Langflow's document."""
    # Langflow's document has the same id for all methods of a path.
    return {"operationId": f"{name}{re.sub('[^a-z0-9]', '_', path)}_{method}"}


async def serve_streamable(caller: CurrentUser, server: ServicesDep) -> Response:
    """Exchange MCP messages over streamable HTTP. The flows of the caller that are offered to MCP clients are tools."""
    server.mcp.check_enabled()
    return McpResponse(server.mcp, Caller(caller.id))


async def open_sse(request: Request, caller: CurrentUser, server: ServicesDep) -> Response:
    """Open a session over the older SSE transport. New clients use streamable HTTP."""
    server.mcp.check_enabled()
    endpoint = route_path(request.scope).removesuffix("sse")
    return McpSseResponse(server.mcp, Caller(caller.id), endpoint)


def find_session(request: Request, server: Services) -> str:
    """Return the id of the session over SSE in the query.

    Raises:
        NotFoundError: No such session is open.

    """
    session_id = request.query_params.get("session_id", "")
    if server.mcp.find_sse_request(session_id) is None:
        raise NotFoundError(
            "No session with this session_id is open. Open a new one with GET on the address that ends in /sse."
        )
    return session_id


async def accept_message(request: Request, caller: CurrentUser, server: ServicesDep) -> Response:
    """Accept a message of a session over SSE. The `session_id` in the query is sufficient as a credential."""
    server.mcp.check_enabled()
    session_id = find_session(request, server)
    return McpMessageResponse(server.mcp, Caller(caller.id), route_path(request.scope), session_id)


async def check(caller: CurrentUser, server: ServicesDep) -> Response:
    """Respond with 200 if the MCP server accepts requests of the caller."""
    server.mcp.check_enabled()
    return Response()


for prefix in PREFIXES:
    for path in (f"{prefix}/streamable", f"{prefix}/streamable/"):
        for method in ("GET", "POST", "DELETE"):
            router.add_api_route(
                path,
                serve_streamable,
                methods=[method],
                response_class=Response,
                responses=STREAMABLE_RESPONSES,
                openapi_extra=operation(path, "handle_streamable_http"),
            )
        router.add_api_route(path, check, methods=["HEAD"], include_in_schema=False)
    router.add_api_route(
        f"{prefix}/sse",
        open_sse,
        response_class=Response,
        responses=SSE_RESPONSES,
        openapi_extra=operation(f"{prefix}/sse", "handle_sse", "get"),
    )
    router.add_api_route(f"{prefix}/sse", check, methods=["HEAD"], include_in_schema=False)
    router.add_api_route(
        f"{prefix}/",
        accept_message,
        methods=["POST"],
        status_code=202,
        response_class=Response,
        responses=MESSAGE_RESPONSES,
        openapi_extra=operation(f"{prefix}/", "handle_messages"),
    )
