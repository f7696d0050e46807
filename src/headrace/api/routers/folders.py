"""Redirects from `/folders/`, the former name of projects, to `/projects/`."""

from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse

from headrace.api.http.request_body import StrictJSONRoute

router = APIRouter(
    prefix="/api/v1/folders",
    tags=["Projects"],
    route_class=StrictJSONRoute,
    deprecated=True,
    default_response_class=RedirectResponse,
    responses={307: {"description": "Redirect to the route under `/projects/`"}},
)


def _redirect(request: Request, rest: str) -> RedirectResponse:
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"/api/v1/projects/{rest}{query}", 307)


@router.get("/", status_code=307)
@router.post("/", status_code=307)
async def folders(request: Request) -> RedirectResponse:
    """See `/projects/`."""
    return _redirect(request, "")


@router.post("/upload/", status_code=307)
async def upload_folder(request: Request) -> RedirectResponse:
    """See `/projects/upload/`."""
    return _redirect(request, "upload/")


@router.get("/download/{folder_id}", status_code=307)
async def download_folder(folder_id: UUID, request: Request) -> RedirectResponse:
    """See `/projects/download/{project_id}`."""
    return _redirect(request, f"download/{folder_id}")


@router.get("/{folder_id}", status_code=307)
@router.patch("/{folder_id}", status_code=307)
@router.delete("/{folder_id}", status_code=307)
async def folder(folder_id: UUID, request: Request) -> RedirectResponse:
    """See `/projects/{project_id}`."""
    return _redirect(request, str(folder_id))
