"""Routes for the version, the configuration and the component catalog."""

from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from headrace import __version__
from headrace.api.dependencies import CurrentUser, ServicesDep
from headrace.db.projects import DEFAULT_NAME

router = APIRouter(prefix="/api/v1", tags=["About"])

#: The version of the Langflow API that this server implements.
API_VERSION = "1.7.3"


class Version(BaseModel):
    """The version of the API, and of headrace."""

    version: str = API_VERSION
    main_version: str = API_VERSION
    package: str = "Langflow"
    headrace: str = __version__


class FeatureFlags(BaseModel):
    """Optional features of an editor."""

    mvp_components: bool = False


class Config(BaseModel):
    """The settings that an editor needs."""

    feature_flags: FeatureFlags = FeatureFlags()
    serialization_max_items_length: int = 1000
    serialization_max_text_length: int = 6000
    frontend_timeout: int
    auto_saving: bool
    auto_saving_interval: int
    health_check_max_retries: int
    max_file_size_upload: int
    webhook_polling_interval: int
    public_flow_cleanup_interval: int = 3600
    public_flow_expiration: int = 86400
    event_delivery: Literal["polling", "streaming", "direct"]
    webhook_auth_enable: bool
    voice_mode_available: bool = False
    default_folder_name: str = DEFAULT_NAME
    hide_getting_started_progress: bool = False


@router.get("/version")
async def version() -> Version:
    """Return the versions of the API and of headrace."""
    return Version()


@router.get("/config")
async def config(server: ServicesDep, caller: CurrentUser) -> Config:
    """Return the settings that an editor needs."""
    editor = server.settings.editor
    return Config(
        frontend_timeout=editor.frontend_timeout_seconds,
        auto_saving=editor.auto_saving,
        auto_saving_interval=editor.auto_saving_interval_ms,
        health_check_max_retries=editor.health_check_max_retries,
        max_file_size_upload=server.settings.storage.max_upload_mib,
        webhook_polling_interval=editor.webhook_polling_interval_ms,
        event_delivery=editor.event_delivery,
        webhook_auth_enable=server.settings.auth.webhook_auth_enabled,
        voice_mode_available=await server.voice_sessions.is_available(caller.id),
    )


@router.get("/all", response_model=dict[str, dict[str, Any]])
async def all_components(request: Request, server: ServicesDep, _caller: CurrentUser) -> Response:
    """Return the node JSON of every component, by category."""
    catalog = server.catalog
    headers = {"etag": catalog.etag, "vary": "accept-encoding", "cache-control": "private, no-cache"}
    if request.headers.get("if-none-match") == catalog.etag:
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(
            catalog.compressed, media_type="application/json", headers={**headers, "content-encoding": "gzip"}
        )
    return Response(catalog.plain, media_type="application/json", headers=headers)
