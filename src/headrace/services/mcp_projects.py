"""The MCP settings of projects: which flows are offered, under which names, and to whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from headrace.db import flows, projects
from headrace.errors import NotFoundError
from headrace.services.mcp_project_access import PROJECT_PATH
from headrace.services.project_auth import ProjectAuth, visible_auth

if TYPE_CHECKING:
    from sqlalchemy import RowMapping
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headrace.db.database import Database
    from headrace.services.flows import FlowService


class McpProjectService:
    """Reads and writes the MCP settings of each owner's projects."""

    def __init__(self, database: Database, flow_service: FlowService, auth: ProjectAuth) -> None:
        self._database = database
        self._flows = flow_service
        self._auth = auth

    async def read_settings(
        self, owner: UUID, project_id: UUID, *, only_offered: bool
    ) -> tuple[Sequence[RowMapping], dict[str, Any]]:
        """Return the flows of a project with their settings, and the authentication settings without secrets.

        Args:
            owner: the project's owner.
            project_id: the project's id.
            only_offered: whether flows that are not offered to MCP clients are left out.

        Raises:
            NotFoundError: The owner has no such project.

        """
        async with self._database.connect() as connection:
            project = await self._project(connection, owner, project_id)
            rows = await flows.list_mcp_settings(connection, owner, project_id)
        offered = [row for row in rows if row["mcp_enabled"]] if only_offered else rows
        return offered, visible_auth(project["auth_settings"])

    async def update_settings(
        self,
        owner: UUID,
        project_id: UUID,
        flow_settings: Mapping[UUID, Mapping[str, Any]],
        auth_settings: Mapping[str, Any] | None,
    ) -> None:
        """Set columns of flows of a project, and its authentication settings unless they are None; all or nothing.

        Raises:
            NotFoundError: The owner has no such project, or it has no such flow.
            ProjectAuthError: The authentication settings are not valid.

        """

        async def update(connection: AsyncConnection) -> None:
            project = await self._project(connection, owner, project_id)
            if auth_settings is not None:
                stored = self._auth.to_stored(auth_settings, project["auth_settings"])
                await projects.change(connection, owner, project_id, {"auth_settings": stored})
            own = set(await flows.list_ids(connection, owner, project_id))
            for flow_id, columns in flow_settings.items():
                if flow_id not in own:
                    raise NotFoundError(f"The project has no flow with the id {flow_id}.")
                if columns:
                    await self._flows.change_in_transaction(connection, owner, flow_id, columns)

        await self._database.write(update)

    async def _project(self, connection: AsyncConnection, owner: UUID, project_id: UUID) -> RowMapping:
        row = await projects.get(connection, owner, project_id)
        if row is None:
            raise NotFoundError("Project not found")
        return row


def project_addresses(base_url: str, project_id: UUID) -> tuple[str, str]:
    """Return the addresses of a project's MCP server: streamable HTTP and SSE.

    Args:
        base_url: the address of the server, with its root path and without a slash at the end.
        project_id: the project's id.

    """
    address = f"{base_url}{PROJECT_PATH}/{project_id}"
    return f"{address}/streamable", f"{address}/sse"
