"""Files that were sent to a flow, and pictures for profiles."""

from __future__ import annotations

import functools
import mimetypes
from importlib import resources
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel
from sqlalchemy import RowMapping

from headrace.api.answers import Note
from headrace.api.download import INERT, attachment, streamed
from headrace.api.errors import NotFoundError, UnfitMediaError
from headrace.api.json_body import StrictRoute
from headrace.api.state import CallerNow, Server
from headrace.api.upload import UPLOAD, upload_of
from headrace.store import files, flows

router = APIRouter(prefix="/api/v1/files", tags=["Files of flows"], route_class=StrictRoute)

_MISSING: dict[int | str, dict[str, Any]] = {404: {"description": "The caller has no such flow, or it no such file"}}
_BYTES: dict[int | str, dict[str, Any]] = {
    **_MISSING,
    200: {"content": {"application/octet-stream": {}}, "description": "The file's bytes"},
}

FileName = Annotated[str, Path(max_length=1024)]


class FlowFile(BaseModel):
    """A file that was sent to a flow; `file_path` is what a run names it by."""

    flowId: UUID
    file_path: str


class FileNames(BaseModel):
    """Names of files."""

    files: list[str]


async def _check_flow(server: Server, owner: UUID, flow_id: UUID) -> None:
    async with server.store.reading() as connection:
        if await flows.head(connection, owner, str(flow_id)) is None:
            raise NotFoundError("Flow not found")


async def _one(server: Server, owner: UUID, flow_id: UUID, file_name: str) -> RowMapping:
    async with server.store.reading() as connection:
        row = await files.at_path(connection, owner, f"{flow_id}/{file_name}")
    if row is None or row["flow_id"] != flow_id:
        raise NotFoundError(f"File {file_name} not found in flow {flow_id}")
    return row


@router.post("/upload/{flow_id}", status_code=201, responses=_MISSING, openapi_extra=UPLOAD)
async def upload_to_flow(flow_id: UUID, request: Request, caller: CallerNow, server: Server) -> FlowFile:
    """Send a file to a flow. Its name begins with the time, to the second."""
    await _check_flow(server, caller.id, flow_id)
    upload = await upload_of(request)
    row = await server.shelf.add(caller.id, upload.filename, upload.chunks, flow_id=flow_id)
    return FlowFile(flowId=flow_id, file_path=row["path"])


@router.get("/list/{flow_id}", responses=_MISSING)
async def list_of_flow(flow_id: UUID, caller: CallerNow, server: Server) -> FileNames:
    """List the files that were sent to a flow."""
    await _check_flow(server, caller.id, flow_id)
    async with server.store.reading() as connection:
        rows = await files.all_of(connection, caller.id, flow_id)
    return FileNames(files=[row["name"] for row in rows])


@router.get("/download/{flow_id}/{file_name}", responses=_BYTES, response_class=Response)
async def download_of_flow(flow_id: UUID, file_name: FileName, caller: CallerNow, server: Server) -> Response:
    """Return a file's bytes."""
    row = await _one(server, caller.id, flow_id, file_name)
    return await streamed(
        server.shelf.read(row),
        media_type="application/octet-stream",
        headers=attachment(row["name"]),
        size=row["size"],
    )


@router.get(
    "/images/{flow_id}/{file_name}",
    responses={
        **_MISSING,
        200: {"content": {"image/*": {}}, "description": "The image"},
        415: {"description": "The file is no image"},
    },
    response_class=Response,
)
async def image_of_flow(flow_id: UUID, file_name: FileName, caller: CallerNow, server: Server) -> Response:
    """Return an image, for a page to show. Nothing in it is run."""
    row = await _one(server, caller.id, flow_id, file_name)
    kind = mimetypes.guess_type(file_name)[0] or "application/octet-stream"
    if not kind.startswith("image/"):
        raise UnfitMediaError(f"Content type {kind} is not an image")
    return await streamed(server.shelf.read(row), media_type=kind, headers=INERT, size=row["size"])


@router.delete("/delete/{flow_id}/{file_name}", responses=_MISSING)
async def delete_of_flow(flow_id: UUID, file_name: FileName, caller: CallerNow, server: Server) -> Note:
    """Delete a file that was sent to a flow."""
    row = await _one(server, caller.id, flow_id, file_name)
    await server.shelf.remove(caller.id, [row["id"]])
    return Note(message=f"File {file_name} deleted successfully")


@functools.cache
def _pictures() -> dict[str, dict[str, bytes]]:
    root = resources.files("headrace.api") / "pictures"
    return {
        folder.name: {f.name: f.read_bytes() for f in sorted(folder.iterdir(), key=lambda f: f.name)}
        for folder in sorted(root.iterdir(), key=lambda f: f.name)
        if folder.is_dir() and not folder.name.startswith("_")
    }


@router.get("/profile_pictures/list")
def list_profile_pictures() -> FileNames:
    """List the pictures that people can choose for their profiles."""
    return FileNames(files=[f"{folder}/{name}" for folder, names in _pictures().items() for name in names])


@router.get(
    "/profile_pictures/{folder_name}/{file_name}",
    responses={
        200: {"content": {"image/svg+xml": {}}, "description": "The picture"},
        404: {"description": "There is no such picture"},
    },
    response_class=Response,
)
def profile_picture(folder_name: str, file_name: FileName) -> Response:
    """Return a picture for a profile."""
    picture = _pictures().get(folder_name, {}).get(file_name)
    if picture is None:
        raise NotFoundError("There is no such picture")
    return Response(picture, media_type="image/svg+xml", headers={**INERT, "cache-control": "public, max-age=86400"})
