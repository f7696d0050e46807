"""Routes for the caller's MCP servers, whose tools flows use."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from headrace.api.dependencies import CurrentUser, ServicesDep
from headrace.api.http.request_body import StrictJSONRoute
from headrace.services.mcp_servers import MAX_NAME_LENGTH, ServerSummary

router = APIRouter(prefix="/api/v2/mcp/servers", tags=["MCP servers"], route_class=StrictJSONRoute)

_NOT_FOUND: dict[int | str, dict[str, Any]] = {404: {"description": "The caller has no MCP server with this name"}}
_NULL: dict[str, Any] = {"responses": {"200": {"content": {"application/json": {"schema": {"type": "null"}}}}}}

ServerName = Annotated[str, Path(max_length=MAX_NAME_LENGTH)]
ServerConfig = Annotated[dict[str, Any], Field(max_length=100)]


class McpServerRead(BaseModel):
    """An MCP server in a list."""

    name: str
    mode: str
    toolsCount: int | None
    error: str | None


@router.get("")
async def list_servers(
    caller: CurrentUser, server: ServicesDep, *, action_count: bool | None = None
) -> list[McpServerRead]:
    """List the caller's MCP servers. With `action_count=true`, connect to each of them and count its tools."""
    summaries = await server.mcp_servers.list_servers(caller.id, count_tools=bool(action_count))
    return [_to_read(summary) for summary in summaries]


@router.get("/{server_name}", responses=_NOT_FOUND)
async def read_server(server_name: ServerName, caller: CurrentUser, server: ServicesDep) -> dict[str, Any]:
    """Return the configuration of an MCP server. Secrets are redacted."""
    return await server.mcp_servers.get_config(caller.id, server_name)


@router.post("/{server_name}", responses={409: {"description": "The caller has an MCP server with this name"}})
async def add_server(
    server_name: ServerName, config: ServerConfig, caller: CurrentUser, server: ServicesDep
) -> dict[str, Any]:
    """Add an MCP server: a `url` with `headers`, or a `command` with `args` and `env`. It is stored encrypted."""
    return await server.mcp_servers.add_server(caller.id, server_name, config)


@router.patch("/{server_name}", responses=_NOT_FOUND)
async def change_server(
    server_name: ServerName, config: ServerConfig, caller: CurrentUser, server: ServicesDep
) -> dict[str, Any]:
    """Replace the configuration of an MCP server. A redacted value keeps the stored one."""
    return await server.mcp_servers.replace_config(caller.id, server_name, config)


@router.delete("/{server_name}", responses=_NOT_FOUND, openapi_extra=_NULL)
async def delete_server(server_name: ServerName, caller: CurrentUser, server: ServicesDep) -> None:
    """Delete an MCP server. Flows that use it fail."""
    await server.mcp_servers.delete_server(caller.id, server_name)


def _to_read(summary: ServerSummary) -> McpServerRead:
    return McpServerRead(name=summary.name, mode=summary.transport, toolsCount=summary.tool_count, error=summary.error)
