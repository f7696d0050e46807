"""Projects as rows, always an owner's."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from sqlalchemy import delete, insert, select, update

from headrace.store.numbering import numbered
from headrace.store.tables import flows, projects

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import RowMapping
    from sqlalchemy.ext.asyncio import AsyncConnection

DEFAULT_NAME = "Starter Project"
LONGEST_NAME = 255
DEFAULT_DESCRIPTION = "Manage your own flows. Download and upload projects."


async def all_of(connection: AsyncConnection, owner: UUID) -> Sequence[RowMapping]:
    """Return the owner's projects, the default one first, then by age."""
    query = (
        select(projects)
        .where(projects.c.user_id == owner)
        .order_by(projects.c.name != DEFAULT_NAME, projects.c.created_at)
    )
    return (await connection.execute(query)).mappings().all()


async def one(connection: AsyncConnection, owner: UUID, project_id: UUID) -> RowMapping | None:
    """Return one of the owner's projects."""
    query = select(projects).where(projects.c.user_id == owner, projects.c.id == project_id)
    return (await connection.execute(query)).mappings().one_or_none()


async def default_of(connection: AsyncConnection, owner: UUID) -> UUID:
    """Return the owner's default project, made where it is missing."""
    query = select(projects.c.id).where(projects.c.user_id == owner, projects.c.name == DEFAULT_NAME)
    found = (await connection.execute(query)).scalar_one_or_none()
    return found or (await add(connection, owner, DEFAULT_NAME, DEFAULT_DESCRIPTION))["id"]  # type: ignore[no-any-return]


async def add(
    connection: AsyncConnection,
    owner: UUID,
    name: str,
    description: str | None,
    auth_settings: dict[str, Any] | None = None,
) -> RowMapping:
    """Add a project, numbered where the name is taken, and return its row."""
    taken = set((await connection.execute(select(projects.c.name).where(projects.c.user_id == owner))).scalars())
    project_id = uuid4()
    await connection.execute(
        insert(projects),
        {
            "id": project_id,
            "user_id": owner,
            "name": numbered(name, taken, longest=LONGEST_NAME),
            "description": description,
            "auth_settings": auth_settings,
            "created_at": datetime.now(UTC),
        },
    )
    return (await connection.execute(select(projects).where(projects.c.id == project_id))).mappings().one()


async def change(
    connection: AsyncConnection, owner: UUID, project_id: UUID, values: dict[str, Any]
) -> RowMapping | None:
    """Set columns of one of the owner's projects and return the row."""
    if "name" in values:
        taken = set(
            (
                await connection.execute(
                    select(projects.c.name).where(projects.c.user_id == owner, projects.c.id != project_id)
                )
            ).scalars()
        )
        values = {**values, "name": numbered(values["name"], taken, longest=LONGEST_NAME)}
    if values:
        await connection.execute(
            update(projects).where(projects.c.user_id == owner, projects.c.id == project_id).values(**values)
        )
    return await one(connection, owner, project_id)


async def remove(connection: AsyncConnection, owner: UUID, project_id: UUID) -> bool:
    """Delete one of the owner's projects with its flows; return whether there was one."""
    if await one(connection, owner, project_id) is None:
        return False
    await connection.execute(delete(flows).where(flows.c.folder_id == project_id, flows.c.user_id == owner))
    await connection.execute(delete(projects).where(projects.c.id == project_id, projects.c.user_id == owner))
    return True


async def set_flows(
    connection: AsyncConnection, owner: UUID, project_id: UUID, flow_ids: list[UUID], *, move_out: bool
) -> None:
    """Put the owner's flows `flow_ids` into a project; with `move_out`, its others go to the default project."""
    if move_out:
        default = await default_of(connection, owner)
        if default != project_id:
            await connection.execute(
                update(flows)
                .where(flows.c.user_id == owner, flows.c.folder_id == project_id, flows.c.id.not_in(flow_ids))
                .values(folder_id=default)
            )
    await connection.execute(
        update(flows).where(flows.c.user_id == owner, flows.c.id.in_(flow_ids)).values(folder_id=project_id)
    )
