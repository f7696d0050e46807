"""Queries on the flows of an owner. `flow_changes` adds, changes and deletes flows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import Select, case, func, null, select

from headrace.db.row_batches import RowKey, size_of
from headrace.db.tables import flows, users

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import RowMapping
    from sqlalchemy.ext.asyncio import AsyncConnection

#: The type of the component that makes a flow callable as a webhook.
WEBHOOK = "Webhook"


@dataclass(frozen=True, slots=True)
class FlowFilter:
    """Conditions on an owner's flows. None matches any flow."""

    folder_id: UUID | None = None
    is_component: bool | None = None
    search: str = ""


async def get(connection: AsyncConnection, owner: UUID, flow_id: UUID) -> RowMapping | None:
    """Return one of the owner's flows."""
    return (
        (await connection.execute(select(flows).where(flows.c.user_id == owner, flows.c.id == flow_id)))
        .mappings()
        .one_or_none()
    )


async def get_public(connection: AsyncConnection, flow_id: UUID) -> RowMapping | None:
    """Return a flow that its owner, who is active, has made public."""
    query = (
        select(flows)
        .join(users, users.c.id == flows.c.user_id)
        .where(flows.c.id == flow_id, flows.c.access_type == "PUBLIC", users.c.is_active)
    )
    return (await connection.execute(query)).mappings().one_or_none()


async def get_version(connection: AsyncConnection, owner: UUID, id_or_name: str) -> RowMapping | None:
    """Return id, name and version of the owner's flow with this id or endpoint name; None if the owner is not active."""
    try:
        matches = flows.c.id == UUID(id_or_name)
    except ValueError:
        matches = flows.c.endpoint_name == id_or_name
    query = (
        select(flows.c.id, flows.c.name, flows.c.version)
        .join(users, users.c.id == flows.c.user_id)
        .where(flows.c.user_id == owner, matches, users.c.is_active)
    )
    return (await connection.execute(query)).mappings().one_or_none()


async def find_id(connection: AsyncConnection, owner: UUID, name: str) -> UUID | None:
    """Return the id of the owner's flow of this name."""
    query = select(flows.c.id).where(flows.c.user_id == owner, flows.c.name == name)
    return (await connection.execute(query)).scalar_one_or_none()


def _matching(owner: UUID, flow_filter: FlowFilter, columns: Sequence[Any]) -> Select[Any]:
    query: Select[Any] = select(*columns).where(flows.c.user_id == owner)
    if flow_filter.folder_id is not None:
        query = query.where(flows.c.folder_id == flow_filter.folder_id)
    if flow_filter.is_component is not None:
        query = query.where(flows.c.is_component == flow_filter.is_component)
    if flow_filter.search:
        like = flow_filter.search.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        query = query.where(flows.c.name.ilike(f"%{like}%", escape="\\"))
    return query


async def list_keys(
    connection: AsyncConnection, owner: UUID, flow_filter: FlowFilter, *, limit: int | None = None, offset: int = 0
) -> list[RowKey]:
    """Return the keys of the owner's flows that match, oldest first."""
    query = _matching(owner, flow_filter, [flows.c.id, size_of(flows.c.data, flows.c.description)])
    ordered = query.order_by(flows.c.created_at, flows.c.id).offset(offset)
    limited = ordered.limit(limit) if limit is not None else ordered
    return [RowKey(row[0], row[1]) for row in (await connection.execute(limited)).all()]


#: The columns of a flow without the data of flows that are not components.
HEADER_COLUMNS = [
    *(column for column in flows.c if column.name != "data"),
    case((flows.c.is_component, flows.c.data), else_=null()).label("data"),
]


async def list_header_keys(connection: AsyncConnection, owner: UUID, flow_filter: FlowFilter) -> list[RowKey]:
    """Return the keys of the owner's flows that match, oldest first, with the sizes of their headers."""
    size = case((flows.c.is_component, size_of(flows.c.data)), else_=0) + size_of(flows.c.description)
    query = _matching(owner, flow_filter, [flows.c.id, size]).order_by(flows.c.created_at, flows.c.id)
    return [RowKey(row[0], row[1]) for row in (await connection.execute(query)).all()]


async def list_names(connection: AsyncConnection, owner: UUID, flow_filter: FlowFilter) -> Sequence[RowMapping]:
    """Return id, name, endpoint name and time of creation of the owner's flows that match, oldest first."""
    columns = [flows.c.id, flows.c.name, flows.c.endpoint_name, flows.c.created_at]
    query = _matching(owner, flow_filter, columns).order_by(flows.c.created_at, flows.c.id)
    rows: Sequence[RowMapping] = (await connection.execute(query)).mappings().all()
    return rows


async def sizes_of(connection: AsyncConnection, owner: UUID, flow_ids: list[UUID]) -> list[RowKey]:
    """Return the keys of the owner's flows among `flow_ids`, in their order."""
    query = select(flows.c.id, size_of(flows.c.data, flows.c.description)).where(
        flows.c.user_id == owner, flows.c.id.in_(flow_ids)
    )
    sizes = {row[0]: row[1] for row in (await connection.execute(query)).all()}
    return [RowKey(i, sizes[i]) for i in dict.fromkeys(flow_ids) if i in sizes]


async def count(connection: AsyncConnection, owner: UUID, flow_filter: FlowFilter) -> int:
    """Return the number of the owner's flows that match."""
    return int((await connection.execute(_matching(owner, flow_filter, [func.count()]))).scalar_one())


async def find_webhooks(
    connection: AsyncConnection, id_or_name: str, owner: UUID | None = None
) -> Sequence[RowMapping]:
    """Return id and owner of at most two flows with this id or endpoint name and a Webhook component.

    Args:
        connection: a connection for reading.
        id_or_name: the flow's id or endpoint name; flows of different owners can have the same endpoint name.
        owner: the id of the owner, if known.

    """
    try:
        matches = flows.c.id == UUID(id_or_name)
    except ValueError:
        matches = flows.c.endpoint_name == id_or_name
    query = (
        select(flows.c.id, flows.c.user_id)
        .join(users, users.c.id == flows.c.user_id)
        .where(matches, flows.c.webhook, users.c.is_active)
    )
    if owner is not None:
        query = query.where(flows.c.user_id == owner)
    return (await connection.execute(query.limit(2))).mappings().all()


async def list_ids(connection: AsyncConnection, owner: UUID, project_id: UUID) -> list[UUID]:
    """Return the ids of the flows in one of the owner's projects."""
    query = select(flows.c.id).where(flows.c.user_id == owner, flows.c.folder_id == project_id)
    return list((await connection.execute(query)).scalars())


async def list_mcp_flows(
    connection: AsyncConnection, owner: UUID, project_id: UUID | None = None
) -> Sequence[RowMapping]:
    """Return the owner's flows that are offered to MCP clients, without their data, oldest first.

    Args:
        connection: a connection for reading.
        owner: the id of the owner.
        project_id: the project whose flows are returned; None for all projects.

    """
    columns = [
        flows.c.id,
        flows.c.name,
        flows.c.description,
        flows.c.action_name,
        flows.c.action_description,
        flows.c.folder_id,
        flows.c.version,
    ]
    query = _matching(owner, FlowFilter(folder_id=project_id, is_component=False), columns).where(flows.c.mcp_enabled)
    rows: Sequence[RowMapping] = (
        (await connection.execute(query.order_by(flows.c.created_at, flows.c.id))).mappings().all()
    )
    return rows


async def list_mcp_settings(connection: AsyncConnection, owner: UUID, project_id: UUID) -> Sequence[RowMapping]:
    """Return the MCP settings of the flows in one of the owner's projects, oldest first."""
    columns = [
        flows.c.id,
        flows.c.mcp_enabled,
        flows.c.action_name,
        flows.c.action_description,
        flows.c.name,
        flows.c.description,
    ]
    query = _matching(owner, FlowFilter(folder_id=project_id, is_component=False), columns)
    rows: Sequence[RowMapping] = (
        (await connection.execute(query.order_by(flows.c.created_at, flows.c.id))).mappings().all()
    )
    return rows


async def get_data(connection: AsyncConnection, owner: UUID, flow_id: UUID) -> Any:
    """Return the data of one of the owner's flows, or None if it does not exist."""
    query = select(flows.c.data).where(flows.c.user_id == owner, flows.c.id == flow_id)
    return (await connection.execute(query)).scalar_one_or_none()
