"""Projects of the caller: folders of flows."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from headrace.api.archive import read_flows, zip_of
from headrace.api.download import ZIP_TYPE, attachment
from headrace.api.errors import NotFoundError
from headrace.api.flow_models import FlowPage, FlowRead
from headrace.api.flows import kept_columns, told
from headrace.api.json_body import StrictRoute
from headrace.api.state import CallerNow, Server
from headrace.api.upload import UPLOAD, read_whole, upload_of
from headrace.files.names import clean_name
from headrace.store import flows, projects
from headrace.store.flows import FlowFilter

router = APIRouter(prefix="/api/v1/projects", tags=["Projects"], route_class=StrictRoute)

_MISSING: dict[int | str, dict[str, Any]] = {404: {"description": "The caller has no such project"}}
#: What a project's MCP address asks for until its owner says otherwise.
DEFAULT_AUTH = {"auth_type": "apikey"}


class ProjectCreate(BaseModel):
    """A project to make, with flows and components to move into it."""

    name: Annotated[str, Field(min_length=1, max_length=255)]
    description: str | None = None
    auth_settings: dict[str, Any] | None = None
    flows_list: Annotated[list[UUID], Field(max_length=1000)] | None = None
    components_list: Annotated[list[UUID], Field(max_length=1000)] | None = None


class ProjectUpdate(BaseModel):
    """What changes of a project. Lists that are sent say all that is in it."""

    name: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    description: str | None = None
    parent_id: UUID | None = None
    auth_settings: dict[str, Any] | None = None
    flows: Annotated[list[UUID], Field(max_length=1000)] | None = None
    components: Annotated[list[UUID], Field(max_length=1000)] | None = None


class ProjectRead(BaseModel):
    """A project."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    description: str | None
    parent_id: UUID | None
    auth_settings: dict[str, Any] | None


class ProjectWithFlows(ProjectRead):
    """A project and all that is in it."""

    flows: list[FlowRead]


class ProjectPage(BaseModel):
    """A project and a page of what is in it."""

    folder: ProjectRead
    flows: FlowPage


@router.get("/")
async def list_projects(caller: CallerNow, server: Server) -> list[ProjectRead]:
    """List the caller's projects."""
    async with server.store.reading() as connection:
        rows = await projects.all_of(connection, caller.id)
    return [ProjectRead.model_validate(dict(r)) for r in rows]


@router.post("/", status_code=201)
async def create_project(body: ProjectCreate, caller: CallerNow, server: Server) -> ProjectRead:
    """Make a project; a name that is taken gets a number."""
    moved = [*(body.flows_list or []), *(body.components_list or [])]

    async def make(connection: AsyncConnection) -> Any:
        row = await projects.add(connection, caller.id, body.name, body.description, body.auth_settings or DEFAULT_AUTH)
        if moved:
            await projects.set_flows(connection, caller.id, row["id"], moved, move_out=False)
        return row

    return ProjectRead.model_validate(dict(await server.store.write(make)))


@router.post(
    "/upload/",
    status_code=201,
    openapi_extra=UPLOAD,
    responses={400: {"description": "The file is no exported project"}},
)
async def upload_project(request: Request, caller: CallerNow, server: Server) -> list[FlowRead]:
    """Make a project of a ZIP that `download` gave, or of `{"folder_name": …, "folder_description": …, "flows": […]}`.

    Nothing of the flows is run.
    """
    upload = await upload_of(request)
    body = await read_whole(upload, server.settings.max_request_bytes)
    imported = await asyncio.to_thread(read_flows, body)
    name = imported.project_name or clean_name(upload.filename, "project").rpartition(".")[0] or "project"
    description = imported.project.get("description")
    columns = [kept_columns(server, flow, only_sent=False) for flow in imported.flows]

    async def keep(connection: AsyncConnection) -> list[FlowRead]:
        project = await projects.add(
            connection,
            caller.id,
            name[:200],
            description if isinstance(description, str) else None,
            DEFAULT_AUTH,
        )
        placed = [{**c, "folder_id": project["id"]} for c in columns]
        rows = [await flows.add(connection, caller.id, c) for c in placed]
        return [await told(server, connection, caller, row, approve=False) for row in rows]

    return await server.store.write(keep)


@router.get(
    "/download/{project_id}",
    responses={**_MISSING, 200: {"content": {ZIP_TYPE: {}}, "description": "A ZIP of the project's flow files"}},
    response_class=Response,
)
async def download_project(
    project_id: UUID, caller: CallerNow, server: Server, *, include_secrets: bool = False
) -> Response:
    """Return a project as a ZIP of its flow files. Password fields are empty unless `include_secrets` asks for them."""
    async with server.store.reading() as connection:
        project = await projects.one(connection, caller.id, project_id)
        rows = await flows.many(connection, caller.id, FlowFilter(folder_id=project_id))
    if project is None:
        raise NotFoundError("Project not found")
    about = {"name": project["name"], "description": project["description"]}
    packed = await asyncio.to_thread(zip_of, rows, include_secrets=include_secrets, project=about)
    return Response(packed, media_type=ZIP_TYPE, headers=attachment(f"{clean_name(project['name'], 'project')}.zip"))


@router.get("/{project_id}", responses=_MISSING)
async def read_project(
    project_id: UUID,
    caller: CallerNow,
    server: Server,
    page: Annotated[int | None, Query(ge=1, le=1_000_000)] = None,
    size: Annotated[int | None, Query(ge=1, le=100)] = None,
    *,
    is_component: bool = False,
    is_flow: bool = False,
    search: Annotated[str, Query(max_length=1024)] = "",
) -> ProjectPage | ProjectWithFlows:
    """Return a project with its flows: all, or a page where `page` and `size` are given."""
    kind = None if is_component == is_flow else is_component
    wanted = FlowFilter(folder_id=project_id, is_component=kind, search=search)
    async with server.store.reading() as connection:
        row = await projects.one(connection, caller.id, project_id)
        if row is None:
            raise NotFoundError("Project not found")
        if page is None or size is None:
            rows = await flows.many(connection, caller.id, wanted)
            return ProjectWithFlows(
                **dict(ProjectRead.model_validate(dict(row))), flows=[FlowRead.model_validate(dict(r)) for r in rows]
            )
        total = await flows.count(connection, caller.id, wanted)
        rows = await flows.many(connection, caller.id, wanted, limit=size, offset=(page - 1) * size)
    return ProjectPage(
        folder=ProjectRead.model_validate(dict(row)), flows=FlowPage.of(rows, total=total, page=page, size=size)
    )


@router.patch("/{project_id}", responses=_MISSING)
async def change_project(project_id: UUID, body: ProjectUpdate, caller: CallerNow, server: Server) -> ProjectRead:
    """Change what is sent of a project; flows that a sent list leaves out go to the default project."""
    values = body.model_dump(exclude_unset=True, exclude={"flows", "components"})
    values = {k: v for k, v in values.items() if not (k == "name" and v is None)}
    moves = body.flows is not None or body.components is not None

    async def change(connection: AsyncConnection) -> Any:
        parent = values.get("parent_id")
        if parent is not None and await projects.one(connection, caller.id, parent) is None:
            return None
        row = await projects.change(connection, caller.id, project_id, values)
        if row is not None and moves:
            await projects.set_flows(
                connection, caller.id, project_id, [*(body.flows or []), *(body.components or [])], move_out=True
            )
        return row

    row = await server.store.write(change)
    if row is None:
        raise NotFoundError("Project not found")
    return ProjectRead.model_validate(dict(row))


@router.delete("/{project_id}", status_code=204, responses=_MISSING, response_class=Response)
async def delete_project(project_id: UUID, caller: CallerNow, server: Server) -> Response:
    """Delete a project with its flows."""
    removed = await server.shelf.remove_project(caller.id, project_id)
    server.runner.forget(caller.id)
    if not removed:
        raise NotFoundError("Project not found")
    return Response(status_code=204)
