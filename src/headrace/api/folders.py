"""The older name of projects: every address under `/folders/` leads to the one under `/projects/`."""

from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse

from headrace.api.json_body import StrictRoute

router = APIRouter(
    prefix="/api/v1/folders",
    tags=["Projects"],
    route_class=StrictRoute,
    deprecated=True,
    default_response_class=RedirectResponse,
    responses={307: {"description": "Ask there"}},
)


def _moved(request: Request, rest: str) -> RedirectResponse:
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"/api/v1/projects/{rest}{query}", 307)


@router.get("/", status_code=307)
@router.post("/", status_code=307)
async def folders(request: Request) -> RedirectResponse:
    """See `/projects/`."""
    return _moved(request, "")


@router.post("/upload/", status_code=307)
async def upload_folder(request: Request) -> RedirectResponse:
    """See `/projects/upload/`."""
    return _moved(request, "upload/")


@router.get("/download/{folder_id}", status_code=307)
async def download_folder(folder_id: UUID, request: Request) -> RedirectResponse:
    """See `/projects/download/{project_id}`."""
    return _moved(request, f"download/{folder_id}")


@router.get("/{folder_id}", status_code=307)
@router.patch("/{folder_id}", status_code=307)
@router.delete("/{folder_id}", status_code=307)
async def folder(folder_id: UUID, request: Request) -> RedirectResponse:
    """See `/projects/{project_id}`."""
    return _moved(request, str(folder_id))
