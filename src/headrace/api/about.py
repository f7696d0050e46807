"""What this server is and how it is set up: version, config, components."""

from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from headrace import __version__
from headrace.api.state import CallerNow, Server
from headrace.store.projects import DEFAULT_NAME

router = APIRouter(prefix="/api/v1", tags=["About"])

#: The version of the Langflow API that is spoken here; clients ask for it.
API_VERSION = "1.7.3"


class Version(BaseModel):
    """The API's version, and headrace's own."""

    version: str = API_VERSION
    main_version: str = API_VERSION
    package: str = "Langflow"
    headrace: str = __version__


class FeatureFlags(BaseModel):
    """What an editor may offer."""

    mvp_components: bool = False


class Config(BaseModel):
    """What an editor needs to know."""

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
    """Return which API is spoken, and by which headrace."""
    return Version()


@router.get("/config")
async def config(server: Server, _caller: CallerNow) -> Config:
    """Return what an editor needs to know."""
    return Config.model_validate(server.settings, from_attributes=True)


@router.get("/all", response_model=dict[str, dict[str, Any]])
async def all_components(request: Request, server: Server, _caller: CallerNow) -> Response:
    """Return every component by category: the node that an editor draws for it."""
    catalogue = server.catalogue
    headers = {"etag": catalogue.etag, "vary": "accept-encoding", "cache-control": "private, no-cache"}
    if request.headers.get("if-none-match") == catalogue.etag:
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(
            catalogue.compressed, media_type="application/json", headers={**headers, "content-encoding": "gzip"}
        )
    return Response(catalogue.plain, media_type="application/json", headers=headers)
