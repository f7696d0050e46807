"""Routes for the caller's projects: folders of flows."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Query, Request, Response

from headrace.api.dependencies import CurrentUser, ServicesDep
from headrace.api.http.download import ZIP_TYPE, attachment_headers, streaming_response, zip_chunks
from headrace.api.http.flow_archive import exported_flows, parse_flow_archive, project_comment
from headrace.api.http.json_list import json_list_response, json_object
from headrace.api.http.multipart import UPLOAD_OPENAPI, read_all, read_upload
from headrace.api.http.request_body import StrictJSONRoute
from headrace.api.schemas.flow import FLOWS, FlowRead, flow_page_parts, to_columns
from headrace.api.schemas.project import ProjectCreate, ProjectPage, ProjectRead, ProjectUpdate, ProjectWithFlows
from headrace.db.flows import FlowFilter
from headrace.graph.redaction import redact_text
from headrace.services.projects import DEFAULT_AUTH_SETTINGS, MAX_IMPORTED_NAME_LENGTH, NewProject
from headrace.storage.filenames import sanitize_filename

router = APIRouter(prefix="/api/v1/projects", tags=["Projects"], route_class=StrictJSONRoute)

_NOT_FOUND: dict[int | str, dict[str, Any]] = {404: {"description": "The caller has no project with this id"}}


@router.get("/")
async def list_projects(caller: CurrentUser, server: ServicesDep) -> list[ProjectRead]:
    """List the caller's projects."""
    return [ProjectRead.model_validate(dict(row)) for row in await server.projects.list_projects(caller.id)]


@router.post("/", status_code=201)
async def create_project(body: ProjectCreate, caller: CurrentUser, server: ServicesDep) -> ProjectRead:
    """Create a project. A number is added to a name that is already in use."""
    project = NewProject(body.name, body.description, body.auth_settings or DEFAULT_AUTH_SETTINGS)
    row = await server.projects.create_project(caller.id, project, body.flow_ids)
    return ProjectRead.model_validate(dict(row))


@router.post(
    "/upload/",
    status_code=201,
    openapi_extra=UPLOAD_OPENAPI,
    responses={400: {"description": "The file is not an exported project"}},
)
async def upload_project(request: Request, caller: CurrentUser, server: ServicesDep) -> list[FlowRead]:
    """Import a project: a ZIP from `download`, or `{"folder_name": …, "folder_description": …, "flows": […]}`.

    Nothing in the flows is run, and code in them is not approved.
    """
    upload = await read_upload(request)
    max_bytes = server.settings.server.max_request_bytes
    body = await read_all(upload, max_bytes)
    with server.runner.open_budget(caller.id) as budget:
        archive = await asyncio.to_thread(parse_flow_archive, body, max_bytes, budget)
        name = archive.project_name or sanitize_filename(upload.filename, "project").rpartition(".")[0] or "project"
        description = archive.project.get("description")
        project = NewProject(name[:MAX_IMPORTED_NAME_LENGTH], description if isinstance(description, str) else None)
        columns = [to_columns(flow, exclude_unset=False) for flow in archive.flows]
        return [FlowRead.from_saved(saved) for saved in await server.projects.import_project(caller, project, columns)]


@router.get(
    "/download/{project_id}",
    responses={**_NOT_FOUND, 200: {"content": {ZIP_TYPE: {}}, "description": "A ZIP of the project's flow files"}},
    response_class=Response,
)
async def download_project(
    project_id: UUID, caller: CurrentUser, server: ServicesDep, *, include_secrets: bool = False
) -> Response:
    """Export a project as a ZIP of flow files. Secrets are emptied unless `include_secrets` is true."""
    project, batches = await server.projects.get_project_with_flows(caller.id, project_id)
    description = project["description"] if include_secrets else redact_text(project["description"])
    metadata = {"name": project["name"], "description": description}
    files = exported_flows(batches, server.registry, include_secrets=include_secrets)
    file_name = f"{sanitize_filename(project['name'], 'project')}.zip"
    return await streaming_response(
        zip_chunks(files, project_comment(metadata)), media_type=ZIP_TYPE, headers=attachment_headers(file_name)
    )


@router.get("/{project_id}", response_model=ProjectPage | ProjectWithFlows, responses=_NOT_FOUND)
async def read_project(
    project_id: UUID,
    caller: CurrentUser,
    server: ServicesDep,
    page: Annotated[int | None, Query(ge=1, le=1_000_000)] = None,
    size: Annotated[int | None, Query(ge=1, le=100)] = None,
    *,
    is_component: bool = False,
    is_flow: bool = False,
    search: Annotated[str, Query(max_length=1024)] = "",
) -> Response:
    """Return a project with its flows: all of them, or a page if `page` and `size` are set."""
    flow_filter = FlowFilter(
        folder_id=project_id, is_component=None if is_component == is_flow else is_component, search=search
    )
    if page is None or size is None:
        project, batches = await server.projects.get_project_with_flows(caller.id, project_id, flow_filter)
        fields = ProjectRead.model_validate(dict(project)).model_dump(mode="json")
        encoded = {name: orjson.dumps(value) for name, value in fields.items()}
        parts = json_object({**encoded, "flows": FLOWS.encode(batches)})
        return await json_list_response(parts, is_small=batches.is_small)
    project, total, batches = await server.projects.get_project_page(
        caller.id, project_id, flow_filter, page=page, size=size
    )
    folder = ProjectRead.model_validate(dict(project)).model_dump_json().encode()
    parts = json_object({"folder": folder, "flows": flow_page_parts(total, batches, page=page, size=size)})
    return await json_list_response(parts, is_small=batches.is_small)


@router.patch("/{project_id}", responses=_NOT_FOUND)
async def change_project(
    project_id: UUID, body: ProjectUpdate, caller: CurrentUser, server: ServicesDep
) -> ProjectRead:
    """Change the fields of a project that the body contains. Flows that a list omits move to the default project."""
    row = await server.projects.update_project(caller.id, project_id, body.to_columns(), body.flow_ids)
    return ProjectRead.model_validate(dict(row))


@router.delete("/{project_id}", status_code=204, responses=_NOT_FOUND, response_class=Response)
async def delete_project(project_id: UUID, caller: CurrentUser, server: ServicesDep) -> Response:
    """Delete a project with its flows."""
    await server.projects.delete_project(caller.id, project_id)
    return Response(status_code=204)
