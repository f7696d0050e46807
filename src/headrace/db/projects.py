"""Queries on the projects of an owner."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from sqlalchemy import delete, insert, select, update

from headrace.db.changes import Topic, publish
from headrace.db.tables import flows, projects, users
from headrace.db.unique_names import next_free_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import RowMapping
    from sqlalchemy.ext.asyncio import AsyncConnection

DEFAULT_NAME = "Starter Project"
MAX_NAME_LENGTH = 255
DEFAULT_DESCRIPTION = "Manage your own flows. Download and upload projects."


async def list_(connection: AsyncConnection, owner: UUID) -> Sequence[RowMapping]:
    """Return the owner's projects, the default one first, then by age."""
    query = (
        select(projects)
        .where(projects.c.user_id == owner)
        .order_by(projects.c.name != DEFAULT_NAME, projects.c.created_at)
    )
    return (await connection.execute(query)).mappings().all()


async def list_own_ids(connection: AsyncConnection, owner: UUID, project_ids: list[UUID]) -> set[UUID]:
    """Return the ids of the owner's projects among `project_ids`."""
    if not project_ids:
        return set()
    query = select(projects.c.id).where(projects.c.user_id == owner, projects.c.id.in_(project_ids))
    return set((await connection.execute(query)).scalars())


async def get(connection: AsyncConnection, owner: UUID, project_id: UUID) -> RowMapping | None:
    """Return one of the owner's projects."""
    query = select(projects).where(projects.c.user_id == owner, projects.c.id == project_id)
    return (await connection.execute(query)).mappings().one_or_none()


async def get_access(connection: AsyncConnection, project_id: UUID) -> RowMapping | None:
    """Return the authentication settings of a project of any active user, with the owner's id and name."""
    query = (
        select(projects.c.auth_settings, projects.c.user_id, users.c.username)
        .join(users, users.c.id == projects.c.user_id)
        .where(projects.c.id == project_id, users.c.is_active)
    )
    return (await connection.execute(query)).mappings().one_or_none()


async def get_default_id(connection: AsyncConnection, owner: UUID) -> UUID:
    """Return the id of the owner's default project, creating it if it is missing."""
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
    """Add a project and return its row. A name in use gets a number."""
    taken = set((await connection.execute(select(projects.c.name).where(projects.c.user_id == owner))).scalars())
    project_id = uuid4()
    await connection.execute(
        insert(projects),
        {
            "id": project_id,
            "user_id": owner,
            "name": next_free_name(name, taken, max_length=MAX_NAME_LENGTH),
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
        values = {**values, "name": next_free_name(values["name"], taken, max_length=MAX_NAME_LENGTH)}
    if values:
        await connection.execute(
            update(projects).where(projects.c.user_id == owner, projects.c.id == project_id).values(**values)
        )
        await publish(connection, Topic.LISTS, owner)
    return await get(connection, owner, project_id)


async def remove(connection: AsyncConnection, owner: UUID, project_id: UUID) -> bool:
    """Delete one of the owner's projects with its flows and return whether it existed."""
    if await get(connection, owner, project_id) is None:
        return False
    deleted = delete(flows).where(flows.c.folder_id == project_id, flows.c.user_id == owner).returning(flows.c.id)
    await publish(connection, Topic.FLOW, *(await connection.execute(deleted)).scalars())
    await publish(connection, Topic.LISTS, owner)
    await connection.execute(delete(projects).where(projects.c.id == project_id, projects.c.user_id == owner))
    return True


async def set_flows(
    connection: AsyncConnection, owner: UUID, project_id: UUID, flow_ids: list[UUID], *, move_out: bool
) -> None:
    """Move the owner's flows `flow_ids` into a project; with `move_out`, move its other flows to the default project."""
    if move_out:
        default = await get_default_id(connection, owner)
        if default != project_id:
            await connection.execute(
                update(flows)
                .where(flows.c.user_id == owner, flows.c.folder_id == project_id, flows.c.id.not_in(flow_ids))
                .values(folder_id=default)
            )
    await connection.execute(
        update(flows).where(flows.c.user_id == owner, flows.c.id.in_(flow_ids)).values(folder_id=project_id)
    )
    await publish(connection, Topic.LISTS, owner)
