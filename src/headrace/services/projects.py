"""Projects: the rules for creating, importing, changing and deleting folders of flows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from headrace.db import projects, tables
from headrace.db.flows import FlowFilter
from headrace.db.quotas import Quota
from headrace.errors import NotFoundError

if TYPE_CHECKING:
    from sqlalchemy import RowMapping
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headrace.auth.authenticator import User
    from headrace.db.database import Database
    from headrace.db.row_batches import RowBatches
    from headrace.services.flows import FlowService, SavedFlow
    from headrace.services.project_auth import ProjectAuth
    from headrace.storage.files import FileService

#: The authentication that the MCP address of a new project requires.
DEFAULT_AUTH_SETTINGS = {"auth_type": "apikey"}
#: Length of an imported project's name, in characters: leaves room for the number that makes it unique.
MAX_IMPORTED_NAME_LENGTH = 200


@dataclass(frozen=True, slots=True)
class NewProject:
    """A project to create."""

    name: str
    description: str | None = None
    auth_settings: Mapping[str, Any] = field(default_factory=lambda: DEFAULT_AUTH_SETTINGS)


class ProjectService:
    """Reads and writes the projects of each owner."""

    def __init__(
        self, database: Database, files: FileService, flow_service: FlowService, auth: ProjectAuth, *, max_projects: int
    ) -> None:
        self._database = database
        self._auth = auth
        self._files = files
        self._flows = flow_service
        self._quota = Quota(tables.projects, "projects", max_projects, "HEADRACE_MAX_PROJECTS")

    async def list_projects(self, owner: UUID) -> Sequence[RowMapping]:
        """Return the owner's projects: the default project, then the others by age."""
        async with self._database.connect() as connection:
            return await projects.list_(connection, owner)

    async def create_project(self, owner: UUID, project: NewProject, flow_ids: list[UUID]) -> RowMapping:
        """Create a project, move the owner's flows among `flow_ids` into it, and return its row.

        A name that the owner uses already gets a number.
        """

        async def create(connection: AsyncConnection) -> RowMapping:
            row = await self._insert_project(connection, owner, project)
            if flow_ids:
                await projects.set_flows(connection, owner, row["id"], flow_ids, move_out=False)
            return row

        return await self._database.write(create)

    async def import_project(
        self, caller: User, project: NewProject, columns: Sequence[Mapping[str, Any]]
    ) -> list[SavedFlow]:
        """Create a project with the flows of a file, all or nothing."""

        async def create(connection: AsyncConnection) -> list[SavedFlow]:
            row = await self._insert_project(connection, caller.id, project)
            placed = [{**c, "folder_id": row["id"]} for c in columns]
            return await self._flows.insert_flows(connection, caller, placed)

        return await self._database.write(create)

    async def get_project(self, owner: UUID, project_id: UUID) -> RowMapping:
        """Return one of the owner's projects.

        Raises:
            NotFoundError: The owner has no such project.

        """
        async with self._database.connect() as connection:
            return await self._get(connection, owner, project_id)

    async def get_project_with_flows(
        self, owner: UUID, project_id: UUID, flow_filter: FlowFilter | None = None
    ) -> tuple[RowMapping, RowBatches]:
        """Return one of the owner's projects and the flows in it that match a filter.

        Raises:
            NotFoundError: The owner has no such project.

        """
        project = await self.get_project(owner, project_id)
        return project, await self._flows.list_flows(owner, flow_filter or FlowFilter(folder_id=project_id))

    async def get_project_page(
        self, owner: UUID, project_id: UUID, flow_filter: FlowFilter, *, page: int, size: int
    ) -> tuple[RowMapping, int, RowBatches]:
        """Return one of the owner's projects, the number of flows in it that match a filter, and a page of them.

        Raises:
            NotFoundError: The owner has no such project.

        """
        project = await self.get_project(owner, project_id)
        return project, *await self._flows.list_flow_page(owner, flow_filter, page=page, size=size)

    async def update_project(
        self, owner: UUID, project_id: UUID, columns: Mapping[str, Any], flow_ids: list[UUID] | None
    ) -> RowMapping:
        """Set columns of one of the owner's projects and return its row.

        Args:
            owner: the project's owner.
            project_id: the project's id.
            columns: the columns to set.
            flow_ids: the project's new content; flows that it omits move to the default project. None leaves it as is.

        Raises:
            NotFoundError: The owner has no such project, or no such parent project.

        """

        async def update(connection: AsyncConnection) -> RowMapping | None:
            parent = columns.get("parent_id")
            if parent is not None:
                await self._get(connection, owner, parent)
            changed = dict(columns)
            if changed.get("auth_settings") is not None:
                before = await self._get(connection, owner, project_id)
                changed["auth_settings"] = self._auth.to_stored(changed["auth_settings"], before["auth_settings"])
            row = await projects.change(connection, owner, project_id, changed)
            if row is not None and flow_ids is not None:
                await projects.set_flows(connection, owner, project_id, flow_ids, move_out=True)
            return row

        row = await self._database.write(update)
        if row is None:
            raise NotFoundError("Project not found")
        return row

    async def delete_project(self, owner: UUID, project_id: UUID) -> None:
        """Delete one of the owner's projects with its flows and their files.

        Raises:
            NotFoundError: The owner has no such project.

        """
        was_deleted = await self._files.remove_project(owner, project_id)
        if not was_deleted:
            raise NotFoundError("Project not found")

    async def _insert_project(self, connection: AsyncConnection, owner: UUID, project: NewProject) -> RowMapping:
        await self._quota.check(connection, owner)
        auth_settings = self._auth.to_stored(project.auth_settings)
        return await projects.add(connection, owner, project.name, project.description, auth_settings)

    async def _get(self, connection: AsyncConnection, owner: UUID, project_id: UUID) -> RowMapping:
        row = await projects.get(connection, owner, project_id)
        if row is None:
            raise NotFoundError("Project not found")
        return row
