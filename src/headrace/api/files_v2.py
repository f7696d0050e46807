"""The caller's own files."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import PurePosixPath
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from headrace.api.answers import Detail, Note
from headrace.api.download import ZIP_TYPE, attachment, streamed, zip_chunks
from headrace.api.errors import ConflictError, NotFoundError, UnfitMediaError
from headrace.api.json_body import BodyTooLargeError, StrictRoute
from headrace.api.state import CallerNow, Server
from headrace.api.upload import UPLOAD, upload_of
from headrace.files.names import clean_name
from headrace.store import files

router = APIRouter(prefix="/api/v2/files", tags=["Files"], route_class=StrictRoute)

_MISSING: dict[int | str, dict[str, Any]] = {404: {"description": "The caller has no such file"}}

FileIds = Annotated[list[UUID], Body(max_length=1000)]


class FileKept(BaseModel):
    """A file that was kept."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    path: str
    size: int
    provider: str | None


class FileRead(FileKept):
    """A file in a list. `path` is what flows name it by."""

    user_id: UUID
    created_at: datetime
    updated_at: datetime


def _whole_name(row: RowMapping) -> str:
    return f"{row['name']}{PurePosixPath(row['path']).suffix}"


async def _some(server: Server, owner: UUID, file_ids: list[UUID]) -> Sequence[RowMapping]:
    async with server.store.reading() as connection:
        return await files.some(connection, owner, file_ids)


async def _one(server: Server, owner: UUID, file_id: UUID) -> RowMapping:
    rows = await _some(server, owner, [file_id])
    if not rows:
        raise NotFoundError("File not found")
    return rows[0]


@router.post("", status_code=201, openapi_extra=UPLOAD)
@router.post("/", status_code=201, openapi_extra=UPLOAD)
async def upload_file(request: Request, caller: CallerNow, server: Server, *, append: bool = False) -> FileKept:
    """Keep a file. A name that is taken gets a number; with `append=true` the bytes go behind the file of that name."""
    upload = await upload_of(request)
    keep = server.shelf.append if append else server.shelf.add
    return FileKept.model_validate(dict(await keep(caller.id, upload.filename, upload.chunks)))


@router.get("")
@router.get("/")
async def list_files(caller: CallerNow, server: Server) -> list[FileRead]:
    """List the caller's files, oldest first."""
    async with server.store.reading() as connection:
        rows = await files.all_of(connection, caller.id)
    return [FileRead.model_validate(dict(row)) for row in rows]


@router.delete("")
@router.delete("/")
async def delete_all_files(caller: CallerNow, server: Server) -> Note:
    """Delete all of the caller's files."""
    async with server.store.reading() as connection:
        rows = await files.all_of(connection, caller.id)
    removed = await server.shelf.remove(caller.id, [row["id"] for row in rows])
    return Note(message=f"All {len(removed)} files deleted successfully")


@router.post(
    "/batch/",
    responses={**_MISSING, 200: {"content": {ZIP_TYPE: {}}, "description": "A ZIP of the files"}},
    response_class=Response,
)
async def download_files(file_ids: FileIds, caller: CallerNow, server: Server) -> Response:
    """Return some of the caller's files as a ZIP."""
    rows = await _some(server, caller.id, file_ids)
    if not rows:
        raise NotFoundError("No files found")
    entries = ((_whole_name(row), server.shelf.read(row)) for row in rows)
    return await streamed(zip_chunks(entries), media_type=ZIP_TYPE, headers=attachment("files.zip"))


@router.delete("/batch/", responses=_MISSING)
async def delete_files(file_ids: FileIds, caller: CallerNow, server: Server) -> Note:
    """Delete some of the caller's files."""
    rows = await _some(server, caller.id, file_ids)
    if not rows:
        raise NotFoundError("No files found")
    removed = await server.shelf.remove(caller.id, [row["id"] for row in rows])
    return Note(message=f"{len(removed)} files deleted successfully")


@router.get(
    "/{file_id}",
    responses={
        **_MISSING,
        200: {
            "content": {"application/octet-stream": {}, "application/json": {"schema": {"type": "string"}}},
            "description": "The file's bytes, or its text",
        },
        415: {"description": "The file is no text"},
    },
    response_class=Response,
)
async def download_file(file_id: UUID, caller: CallerNow, server: Server, *, return_content: bool = False) -> Response:
    """Return a file's bytes; with `return_content=true` a text file's content as a JSON string."""
    row = await _one(server, caller.id, file_id)
    if not return_content:
        return await streamed(
            server.shelf.read(row),
            media_type="application/octet-stream",
            headers=attachment(_whole_name(row)),
            size=row["size"],
        )
    if row["size"] > server.settings.max_request_bytes:
        raise BodyTooLargeError(server.settings.max_request_bytes)
    content = b"".join([chunk async for chunk in server.shelf.read(row)])
    try:
        return JSONResponse(content.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise UnfitMediaError(f"The file {_whole_name(row)} is no UTF-8 text. Download it in place of this.") from error


@router.put("/{file_id}", responses={**_MISSING, 409: {"description": "Another file has this name"}})
async def rename_file(
    file_id: UUID, name: Annotated[str, Query(min_length=1, max_length=1024)], caller: CallerNow, server: Server
) -> FileKept:
    """Give a file another name. Its path stays, so that flows that use it go on."""
    new = clean_name(name)

    async def rename(connection: AsyncConnection) -> RowMapping | None:
        others = await files.all_of(connection, caller.id)
        if any(row["name"] == new and row["id"] != file_id for row in others):
            raise ConflictError(f"You have another file with the name {new}.")
        return await files.change(connection, caller.id, file_id, {"name": new})

    row = await server.store.write(rename)
    if row is None:
        raise NotFoundError("File not found")
    return FileKept.model_validate(dict(row))


@router.delete("/{file_id}", responses=_MISSING)
async def delete_file(file_id: UUID, caller: CallerNow, server: Server) -> Detail:
    """Delete a file."""
    row = await _one(server, caller.id, file_id)
    await server.shelf.remove(caller.id, [file_id])
    return Detail(detail=f"File {row['name']} deleted successfully")
