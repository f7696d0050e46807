"""Routes for the caller's own files."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from headrace.api.dependencies import CurrentUser, ServicesDep
from headrace.api.http.body_limits import BodyTooLargeError
from headrace.api.http.download import ZIP_TYPE, attachment_headers, streaming_response, zip_chunks
from headrace.api.http.multipart import UPLOAD_OPENAPI, read_upload
from headrace.api.http.request_body import StrictJSONRoute
from headrace.api.schemas.flow import MAX_LIST_LENGTH
from headrace.api.schemas.messages import DetailResponse, MessageResponse
from headrace.errors import UnsupportedMediaTypeError
from headrace.services.files import full_file_name

router = APIRouter(prefix="/api/v2/files", tags=["Files"], route_class=StrictJSONRoute)

_NOT_FOUND: dict[int | str, dict[str, Any]] = {404: {"description": "The caller has no file with this id"}}

FileIds = Annotated[list[UUID], Body(max_length=MAX_LIST_LENGTH, fail_fast=True)]


class FileCreated(BaseModel):
    """A file after an upload or a change."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    path: str = Field(description="The path by which flows refer to the file.")
    size: int
    provider: str | None


class FileRead(FileCreated):
    """A file in a list."""

    user_id: UUID
    created_at: datetime
    updated_at: datetime


@router.post("", status_code=201, openapi_extra=UPLOAD_OPENAPI)
@router.post("/", status_code=201, openapi_extra=UPLOAD_OPENAPI)
async def upload_file(
    request: Request, caller: CurrentUser, server: ServicesDep, *, append: bool = False
) -> FileCreated:
    """Upload a file. A number is added to a name that is already in use.

    With `append=true`, the bytes are added to the file with this name, if there is one.
    """
    upload = await read_upload(request)
    row = await server.user_files.save_file(caller.id, upload.filename, upload.chunks, append=append)
    return FileCreated.model_validate(dict(row))


@router.get("")
@router.get("/")
async def list_files(caller: CurrentUser, server: ServicesDep) -> list[FileRead]:
    """List the caller's files, oldest first."""
    return [FileRead.model_validate(dict(row)) for row in await server.user_files.list_files(caller.id)]


@router.delete("")
@router.delete("/")
async def delete_all_files(caller: CurrentUser, server: ServicesDep) -> MessageResponse:
    """Delete all of the caller's files."""
    count = await server.user_files.delete_all_files(caller.id)
    return MessageResponse(message=f"All {count} files deleted successfully")


@router.post(
    "/batch/",
    responses={**_NOT_FOUND, 200: {"content": {ZIP_TYPE: {}}, "description": "A ZIP of the files"}},
    response_class=Response,
)
async def download_files(file_ids: FileIds, caller: CurrentUser, server: ServicesDep) -> Response:
    """Return several of the caller's files as a ZIP."""
    rows = await server.user_files.get_files(caller.id, file_ids)

    async def entries() -> AsyncIterator[tuple[str, AsyncIterator[bytes]]]:
        for row in rows:
            yield full_file_name(row), server.files.read(row)

    return await streaming_response(zip_chunks(entries()), media_type=ZIP_TYPE, headers=attachment_headers("files.zip"))


@router.delete("/batch/", responses=_NOT_FOUND)
async def delete_files(file_ids: FileIds, caller: CurrentUser, server: ServicesDep) -> MessageResponse:
    """Delete several of the caller's files."""
    count = await server.user_files.delete_files(caller.id, file_ids)
    return MessageResponse(message=f"{count} files deleted successfully")


@router.get(
    "/{file_id}",
    responses={
        **_NOT_FOUND,
        200: {
            "content": {"application/octet-stream": {}, "application/json": {"schema": {"type": "string"}}},
            "description": "The file's bytes, or its text",
        },
        415: {"description": "The file is not UTF-8 text"},
    },
    response_class=Response,
)
async def download_file(
    file_id: UUID, caller: CurrentUser, server: ServicesDep, *, return_content: bool = False
) -> Response:
    """Return a file's bytes, or with `return_content=true` the content of a text file as a JSON string."""
    row = await server.user_files.get_file(caller.id, file_id)
    if not return_content:
        return await streaming_response(
            server.files.read(row),
            media_type="application/octet-stream",
            headers=attachment_headers(full_file_name(row)),
            size=row["size"],
        )
    if row["size"] > server.settings.server.max_request_bytes:
        raise BodyTooLargeError(server.settings.server.max_request_bytes)
    content = b"".join([chunk async for chunk in server.files.read(row)])
    try:
        return JSONResponse(content.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise UnsupportedMediaTypeError(
            f"The file {full_file_name(row)} is not UTF-8 text. Download it without return_content."
        ) from error


@router.put("/{file_id}", responses={**_NOT_FOUND, 409: {"description": "Another file has this name"}})
async def rename_file(
    file_id: UUID, name: Annotated[str, Query(min_length=1, max_length=1024)], caller: CurrentUser, server: ServicesDep
) -> FileCreated:
    """Rename a file. Its path stays the same, so flows that use it continue to work."""
    return FileCreated.model_validate(dict(await server.user_files.rename_file(caller.id, file_id, name)))


@router.delete("/{file_id}", responses=_NOT_FOUND)
async def delete_file(file_id: UUID, caller: CurrentUser, server: ServicesDep) -> DetailResponse:
    """Delete a file."""
    row = await server.user_files.delete_file(caller.id, file_id)
    return DetailResponse(detail=f"File {row['name']} deleted successfully")
