"""Routes for the files of flows, and for profile pictures."""

from __future__ import annotations

import mimetypes
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, Field

from headrace.api.dependencies import CurrentUser, ServicesDep, get_services
from headrace.api.http.download import SAFE_DOWNLOAD_HEADERS, attachment_headers, streaming_response
from headrace.api.http.multipart import UPLOAD_OPENAPI, read_upload
from headrace.api.http.request_body import StrictJSONRoute
from headrace.api.schemas.messages import MessageResponse
from headrace.errors import UnsupportedMediaTypeError

router = APIRouter(prefix="/api/v1/files", tags=["Files of flows"], route_class=StrictJSONRoute)

_NOT_FOUND: dict[int | str, dict[str, Any]] = {
    400: {"description": "The file name is not valid"},
    404: {"description": "The caller has no flow with this id, or the flow has no file with this name"},
}
_BYTES: dict[int | str, dict[str, Any]] = {
    **_NOT_FOUND,
    200: {"content": {"application/octet-stream": {}}, "description": "The file's bytes"},
}

FileName = Annotated[str, Path(max_length=1024)]


class FlowFile(BaseModel):
    """A file of a flow."""

    flowId: UUID
    file_path: str = Field(description="The path by which runs refer to the file.")


class FileNames(BaseModel):
    """A list of file names."""

    files: list[str]


@router.post("/upload/{flow_id}", status_code=201, responses=_NOT_FOUND, openapi_extra=UPLOAD_OPENAPI)
async def upload_to_flow(flow_id: UUID, request: Request, caller: CurrentUser, server: ServicesDep) -> FlowFile:
    """Upload a file to a flow. The stored name starts with the time of the upload, to the second."""
    # The flow is checked before the body is read, so that a bad request ends early.
    await server.flow_files.check_flow(caller.id, flow_id)
    upload = await read_upload(request)
    row = await server.flow_files.save_file(caller.id, flow_id, upload.filename, upload.chunks)
    return FlowFile(flowId=flow_id, file_path=row["path"])


@router.get("/list/{flow_id}", responses=_NOT_FOUND)
async def list_of_flow(flow_id: UUID, caller: CurrentUser, server: ServicesDep) -> FileNames:
    """List the files of a flow."""
    return FileNames(files=[row["name"] for row in await server.flow_files.list_files(caller.id, flow_id)])


@router.get("/download/{flow_id}/{file_name}", responses=_BYTES, response_class=Response)
async def download_of_flow(flow_id: UUID, file_name: FileName, caller: CurrentUser, server: ServicesDep) -> Response:
    """Return the bytes of a flow's file."""
    row = await server.flow_files.get_file(caller.id, flow_id, file_name)
    return await streaming_response(
        server.files.read(row),
        media_type="application/octet-stream",
        headers=attachment_headers(row["name"]),
        size=row["size"],
    )


@router.get(
    "/images/{flow_id}/{file_name}",
    responses={
        **_NOT_FOUND,
        200: {"content": {"image/*": {}}, "description": "The image"},
        415: {"description": "The file is not an image"},
    },
    response_class=Response,
)
async def image_of_flow(flow_id: UUID, file_name: FileName, caller: CurrentUser, server: ServicesDep) -> Response:
    """Return an image for display in a page. Scripts in it do not run."""
    row = await server.flow_files.get_file(caller.id, flow_id, file_name)
    media_type = mimetypes.guess_type(file_name)[0] or "application/octet-stream"
    if not media_type.startswith("image/"):
        raise UnsupportedMediaTypeError(f"Content type {media_type} is not an image")
    return await streaming_response(
        server.files.read(row), media_type=media_type, headers=SAFE_DOWNLOAD_HEADERS, size=row["size"]
    )


@router.delete("/delete/{flow_id}/{file_name}", responses=_NOT_FOUND)
async def delete_of_flow(
    flow_id: UUID, file_name: FileName, caller: CurrentUser, server: ServicesDep
) -> MessageResponse:
    """Delete a file of a flow."""
    await server.flow_files.delete_file(caller.id, flow_id, file_name)
    return MessageResponse(message=f"File {file_name} deleted successfully")


@router.get("/profile_pictures/list")
def list_profile_pictures(request: Request) -> FileNames:
    """List the pictures that users can choose for their profile. Those in `profile_pictures` of the configuration folder come first."""
    return FileNames(files=get_services(request).profile_pictures.list_names())


@router.get(
    "/profile_pictures/{folder_name}/{file_name}",
    responses={
        200: {"content": {"image/*": {}}, "description": "The picture"},
        400: {"description": "No folder of profile pictures has this name"},
        404: {"description": "No profile picture has this name"},
    },
    response_class=Response,
)
def profile_picture(folder_name: str, file_name: FileName, request: Request) -> Response:
    """Return a profile picture."""
    picture = get_services(request).profile_pictures.get_picture(folder_name, file_name)
    return Response(
        picture.content,
        media_type=picture.media_type,
        headers={**SAFE_DOWNLOAD_HEADERS, "cache-control": "public, max-age=86400"},
    )
