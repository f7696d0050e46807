"""The MCP server of a project."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Request, Response

from headrace.api.dependencies import CurrentUser, ServicesDep
from headrace.api.http.mcp_response import McpMessageResponse, McpResponse, McpSseResponse
from headrace.api.routers.mcp import MESSAGE_RESPONSES, SSE_RESPONSES, STREAMABLE_RESPONSES, find_session, operation
from headrace.mcp.provider import Caller
from headrace.services.mcp_project_access import PROJECT_PATH

router = APIRouter(prefix=PROJECT_PATH + "/{project_id}", tags=["mcp_projects"])


async def serve_project_streamable(project_id: UUID, caller: CurrentUser, server: ServicesDep) -> Response:
    """Exchange MCP messages over streamable HTTP. The flows of the project that are offered to MCP clients are tools."""
    server.mcp.check_enabled()
    await server.projects.get_project(caller.id, project_id)
    return McpResponse(server.mcp, Caller(caller.id, project_id))


async def open_project_sse(project_id: UUID, caller: CurrentUser, server: ServicesDep) -> Response:
    """Open a session over the older SSE transport. New clients use streamable HTTP."""
    server.mcp.check_enabled()
    await server.projects.get_project(caller.id, project_id)
    return McpSseResponse(server.mcp, Caller(caller.id, project_id), f"{PROJECT_PATH}/{project_id}/")


async def accept_project_message(
    project_id: UUID, request: Request, caller: CurrentUser, server: ServicesDep
) -> Response:
    """Accept a message of a session over SSE. The `session_id` in the query is sufficient as a credential."""
    server.mcp.check_enabled()
    session_id = find_session(request, server)
    return McpMessageResponse(server.mcp, Caller(caller.id, project_id), f"{PROJECT_PATH}/{project_id}/", session_id)


async def check_project(project_id: UUID, caller: CurrentUser, server: ServicesDep) -> Response:
    """Respond with 200 if the MCP server of the project accepts requests of the caller."""
    server.mcp.check_enabled()
    await server.projects.get_project(caller.id, project_id)
    return Response()


for path in ("/streamable", "/streamable/"):
    for method in ("GET", "POST", "DELETE"):
        router.add_api_route(
            path,
            serve_project_streamable,
            methods=[method],
            response_class=Response,
            responses=STREAMABLE_RESPONSES,
            openapi_extra=operation(router.prefix + path, "handle_project_streamable_http"),
        )
    router.add_api_route(path, check_project, methods=["HEAD"], include_in_schema=False)
router.add_api_route(
    "/sse",
    open_project_sse,
    response_class=Response,
    responses=SSE_RESPONSES,
    openapi_extra=operation(router.prefix + "/sse", "handle_project_sse", "get"),
)
router.add_api_route("/sse", check_project, methods=["HEAD"], include_in_schema=False)
for path in ("", "/"):
    router.add_api_route(
        path,
        accept_project_message,
        methods=["POST"],
        status_code=202,
        response_class=Response,
        responses=MESSAGE_RESPONSES,
        openapi_extra=operation(router.prefix + path, "handle_project_messages"),
    )
