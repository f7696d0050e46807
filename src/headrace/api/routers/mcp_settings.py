"""The MCP settings of a project."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field, SecretStr

from headrace.api.dependencies import CurrentUser, ServicesDep
from headrace.api.http.local_request import is_local
from headrace.api.http.request_body import StrictJSONRoute
from headrace.api.schemas.flow import MAX_LIST_LENGTH
from headrace.errors import ForbiddenError, NotFoundError
from headrace.services.mcp_project_access import PROJECT_PATH, WELL_KNOWN
from headrace.services.mcp_projects import project_addresses

router = APIRouter(prefix=PROJECT_PATH, tags=["mcp_projects"], route_class=StrictJSONRoute)
metadata_router = APIRouter(tags=["mcp_projects"])

_NOT_FOUND: dict[int | str, dict[str, Any]] = {404: {"description": "The caller has no such project or flow"}}
_LOCAL_ONLY: dict[int | str, dict[str, Any]] = {
    **_NOT_FOUND,
    403: {"description": "The credentials are missing, or the request comes from another machine"},
    409: {"description": "The program is not installed, or its file cannot be changed"},
}


class LocalOnlyError(ForbiddenError):
    """A request that concerns programs on the machine of the server comes from another one."""

    def __init__(self) -> None:
        super().__init__(
            "The programs on the machine of the server can only be configured from this machine, at its loopback address and "
            "not through a proxy. On yours, add the server by hand."
        )


class AuthSettings(BaseModel):
    """The authentication that the MCP address of a project requires."""

    auth_type: Literal["none", "apikey", "oauth"] = Field(
        default="none",
        description="`none` admits requests from the server's machine; `apikey` the owner's keys; `oauth` also access tokens.",
    )
    oauth_host: str | None = None
    oauth_port: str | None = None
    oauth_server_url: str | None = Field(default=None, description="The issuer of the access tokens.")
    oauth_callback_path: str | None = None
    oauth_client_id: str | None = None
    oauth_client_secret: SecretStr | None = Field(default=None, description="Encrypted, and never shown.")
    oauth_auth_url: str | None = None
    oauth_token_url: str | None = None
    oauth_mcp_scope: str | None = Field(default=None, description="The scopes that a token must have, with spaces.")
    oauth_provider_scope: str | None = None


class MCPSettings(BaseModel):
    """The MCP settings of a flow. Omitted fields stay the same."""

    id: UUID
    mcp_enabled: bool | None = Field(default=None, description="Whether the flow is a tool.")
    action_name: str | None = Field(default=None, max_length=1024, description="The name of the tool.")
    action_description: str | None = Field(default=None, description="What the tool does, for models.")
    name: str | None = Field(default=None, description="The name of the flow. Ignored in requests.")
    description: str | None = Field(default=None, description="The description of the flow. Ignored in requests.")

    def columns(self) -> dict[str, Any]:
        """Return the columns of the flow that the body sets."""
        sent = self.model_dump(exclude_unset=True, include={"mcp_enabled", "action_name", "action_description"})
        return {key: value for key, value in sent.items() if not (key == "mcp_enabled" and value is None)}


class MCPProjectUpdateRequest(BaseModel):
    """A change of the MCP settings of a project."""

    settings: Annotated[list[MCPSettings], Field(max_length=MAX_LIST_LENGTH, fail_fast=True)]
    auth_settings: AuthSettings | None = None


class MCPInstallRequest(BaseModel):
    """A program to which the server is added."""

    client: str
    transport: Literal["sse", "streamablehttp"] | None = None


class ComposerUrlResponse(BaseModel):
    """The addresses of the MCP server of a project."""

    project_id: str
    uses_composer: bool
    streamable_http_url: str | None = None
    legacy_sse_url: str | None = None
    error_message: str | None = None


@router.get("/{project_id}", responses=_NOT_FOUND)
async def list_project_tools(
    project_id: UUID, caller: CurrentUser, server: ServicesDep, *, mcp_enabled: bool = True
) -> dict[str, Any]:
    """Return the MCP settings of a project: its flows, with `mcp_enabled=false` also those that are not offered."""
    rows, auth = await server.mcp_projects.read_settings(caller.id, project_id, only_offered=mcp_enabled)
    return {"tools": [MCPSettings(**row).model_dump(mode="json") for row in rows], "auth_settings": auth}


@router.patch("/{project_id}", responses=_NOT_FOUND)
async def update_project_mcp_settings(
    project_id: UUID, body: MCPProjectUpdateRequest, caller: CurrentUser, server: ServicesDep
) -> dict[str, Any]:
    """Change which flows of a project are tools, and who may call them. Omitted flows and fields stay the same."""
    auth = body.auth_settings
    values = None
    if auth is not None:
        secret = auth.oauth_client_secret
        values = {**auth.model_dump(), "oauth_client_secret": secret.get_secret_value() if secret else None}
    flow_settings = {settings.id: settings.columns() for settings in body.settings}
    await server.mcp_projects.update_settings(caller.id, project_id, flow_settings, values)
    return {
        "message": f"Updated MCP settings for {len(flow_settings)} flows",
        "result": {"project_id": str(project_id), "uses_composer": False},
    }


@router.get("/{project_id}/composer-url", responses=_NOT_FOUND)
async def get_project_composer_url(
    project_id: UUID, request: Request, caller: CurrentUser, server: ServicesDep
) -> ComposerUrlResponse:
    """Return the addresses of the MCP server of a project. The server needs no composer."""
    await server.projects.get_project(caller.id, project_id)
    streamable, sse = project_addresses(_base_url(request, server.settings.server.public_url), project_id)
    return ComposerUrlResponse(
        project_id=str(project_id), uses_composer=False, streamable_http_url=streamable, legacy_sse_url=sse
    )


@router.get("/{project_id}/installed", responses=_LOCAL_ONLY)
async def check_installed_mcp_servers(
    project_id: UUID, request: Request, caller: CurrentUser, server: ServicesDep
) -> list[dict[str, Any]]:
    """List the programs on the machine of the server, and whether they have the MCP server of a project."""
    _check_local(request)
    states = await server.mcp_installation.list_programs(caller.id, project_id)
    return [{"name": s.name, "installed": s.is_installed, "available": s.is_available} for s in states]


@router.post("/{project_id}/install", responses={**_LOCAL_ONLY, 400: {"description": "The program is not supported"}})
async def install_mcp_config(
    project_id: UUID, body: MCPInstallRequest, request: Request, caller: CurrentUser, server: ServicesDep
) -> dict[str, str]:
    """Add the MCP server of a project to the configuration of a program on the machine of the server, with a new API key."""
    _check_local(request)
    base_url = _base_url(request, server.settings.server.public_url)
    await server.mcp_installation.install(
        caller.id, project_id, body.client, base_url, body.transport or "streamablehttp"
    )
    return {"message": f"Successfully installed MCP configuration for {body.client}"}


@metadata_router.get(
    f"{WELL_KNOWN}{PROJECT_PATH}/{{project_id}}/{{transport}}",
    responses={404: {"description": "The project does not exist, or does not require OAuth"}},
)
async def get_protected_resource_metadata(
    project_id: UUID, transport: Literal["streamable", "sse"], server: ServicesDep
) -> dict[str, Any]:
    """Return the OAuth metadata of the MCP address of a project (RFC 9728), from which clients learn its authorization server."""
    metadata = await server.mcp_access.resource_metadata(project_id, transport)
    if metadata is None:
        raise NotFoundError("The project does not exist, or its MCP server does not require OAuth.")
    return metadata


def _base_url(request: Request, public_url: str | None) -> str:
    return public_url or str(request.base_url).rstrip("/")


def _check_local(request: Request) -> None:
    if not is_local(request.scope):
        raise LocalOnlyError
