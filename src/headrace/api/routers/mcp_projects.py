"""The MCP server of a project."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Response

from headrace.api.dependencies import CurrentUser, ServicesDep
from headrace.api.http.mcp_response import McpResponse
from headrace.api.routers.mcp import STREAMABLE_RESPONSES, operation
from headrace.mcp.provider import Caller

router = APIRouter(prefix="/api/v1/mcp/project/{project_id}", tags=["mcp_projects"])


async def serve_project_streamable(project_id: UUID, caller: CurrentUser, server: ServicesDep) -> Response:
    """Exchange MCP messages over streamable HTTP. The flows of the project that are offered to MCP clients are tools."""
    server.mcp.check_enabled()
    await server.projects.get_project(caller.id, project_id)
    return McpResponse(server.mcp, Caller(caller.id, project_id))


async def check_project_streamable(project_id: UUID, caller: CurrentUser, server: ServicesDep) -> Response:
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
    router.add_api_route(path, check_project_streamable, methods=["HEAD"], include_in_schema=False)
