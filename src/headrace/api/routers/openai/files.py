"""The caller's own files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from headrace.api.dependencies import CurrentUser, ServicesDep
from headrace.api.http.download import attachment_headers, streaming_response
from headrace.api.http.multipart import read_form, upload_openapi
from headrace.formats.openai.pages import Order, PageRequest, page_of
from headrace.formats.openai.parameters import FILE_PARAMETERS, check_parameters
from headrace.services.files import full_file_name
from headrace.services.openai_files import DEFAULT_PURPOSE, PURPOSES, public_id

if TYPE_CHECKING:
    from sqlalchemy import RowMapping


#: The maximum number of files in a page.
MAX_PAGE_FILES = 10_000

_NOT_FOUND: dict[int | str, dict[str, Any]] = {404: {"description": "The caller has no file with this id"}}
_UPLOAD = upload_openapi(purpose={"type": "string", "enum": list(PURPOSES)})


async def create_file(request: Request, caller: CurrentUser, server: ServicesDep) -> dict[str, Any]:
    """Upload a file. Messages refer to it by its id."""
    form = await read_form(request)

    def purpose() -> str | None:
        check_parameters(form.fields, FILE_PARAMETERS)
        return form.fields.get("purpose")

    row = await server.openai_files.create(caller.id, form.upload.filename, form.upload.chunks, purpose)
    return _file(row)


async def list_files(
    caller: CurrentUser,
    server: ServicesDep,
    purpose: Annotated[str | None, Query(max_length=32)] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE_FILES)] = MAX_PAGE_FILES,
    order: Order = "desc",
    after: Annotated[str | None, Query(max_length=64)] = None,
) -> dict[str, Any]:
    """List the caller's own files, newest first; those uploaded over `/api/v2/files` are among them."""
    rows = await server.openai_files.list_files(caller.id, purpose)
    return page_of([_file(row) for row in rows], PageRequest(limit, order, after))


async def get_file(file_id: str, caller: CurrentUser, server: ServicesDep) -> dict[str, Any]:
    """Return a file's name, size and purpose."""
    return _file(await server.openai_files.get(caller.id, file_id))


async def get_file_content(file_id: str, caller: CurrentUser, server: ServicesDep) -> Response:
    """Return a file's bytes."""
    row = await server.openai_files.get(caller.id, file_id)
    return await streaming_response(
        server.files.read(row),
        media_type="application/octet-stream",
        headers=attachment_headers(full_file_name(row)),
        size=row["size"],
    )


async def delete_file(file_id: str, caller: CurrentUser, server: ServicesDep) -> dict[str, Any]:
    """Delete a file."""
    await server.openai_files.delete(caller.id, file_id)
    return {"id": file_id, "object": "file", "deleted": True}


def _file(row: RowMapping) -> dict[str, Any]:
    return {
        "id": public_id(row["id"]),
        "object": "file",
        "bytes": row["size"],
        "created_at": int(row["created_at"].timestamp()),
        "filename": full_file_name(row),
        "purpose": row["purpose"] or DEFAULT_PURPOSE,
        "status": "processed",
        "expires_at": None,
        "status_details": None,
    }


def register(router: APIRouter) -> None:
    """Add the routes of files to a router."""
    router.post("/files", openapi_extra=_UPLOAD, responses={409: {"description": "A limit on files is reached"}})(
        create_file
    )
    router.get("/files")(list_files)
    router.get("/files/{file_id}", responses=_NOT_FOUND)(get_file)
    router.get(
        "/files/{file_id}/content",
        responses={**_NOT_FOUND, 200: {"content": {"application/octet-stream": {}}, "description": "The file's bytes"}},
        response_class=Response,
    )(get_file_content)
    router.delete("/files/{file_id}", responses=_NOT_FOUND)(delete_file)
