"""The content that every new user starts with."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from headrace.db import flow_changes, projects

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headrace.services.starter_flows import StarterFlows


async def create_default_content(connection: AsyncConnection, owner: UUID, starter_flows: StarterFlows | None) -> None:
    """Create the default project of a new user and, unless starter flows are disabled, the flow Basic Chat in it."""
    project_id = await projects.get_default_id(connection, owner)
    if starter_flows is not None:
        await flow_changes.create(connection, owner, {**starter_flows.basic_chat().columns(), "folder_id": project_id})
