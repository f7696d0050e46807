"""Flows as rows, always an owner's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from sqlalchemy import Select, delete, func, insert, or_, select, update

from headrace.errors import HeadraceError
from headrace.store import projects
from headrace.store.numbering import numbered
from headrace.store.tables import flows, users

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import RowMapping
    from sqlalchemy.ext.asyncio import AsyncConnection

#: The component's type that makes a flow callable.
WEBHOOK = "Webhook"


class StaleFlowError(HeadraceError):
    """A flow was changed since the caller read it."""

    def __init__(self, updated_at: datetime) -> None:
        super().__init__(
            f"This flow was changed at {updated_at.isoformat(timespec='seconds')}, after you read it. "
            "Read it again and put your change on top of that one."
        )


@dataclass(frozen=True, slots=True)
class FlowFilter:
    """Which of an owner's flows are wanted. None wants any."""

    folder_id: UUID | None = None
    is_component: bool | None = None
    search: str = ""


async def one(connection: AsyncConnection, owner: UUID, flow_id: UUID) -> RowMapping | None:
    """Return one of the owner's flows."""
    return (
        (await connection.execute(select(flows).where(flows.c.user_id == owner, flows.c.id == flow_id)))
        .mappings()
        .one_or_none()
    )


async def some(connection: AsyncConnection, owner: UUID, flow_ids: list[UUID]) -> Sequence[RowMapping]:
    """Return the owner's flows among `flow_ids`, in their order."""
    query = select(flows).where(flows.c.user_id == owner, flows.c.id.in_(flow_ids))
    found = {row["id"]: row for row in (await connection.execute(query)).mappings()}
    return [found[i] for i in dict.fromkeys(flow_ids) if i in found]


async def public(connection: AsyncConnection, flow_id: UUID) -> RowMapping | None:
    """Return a flow that its owner has made public, whoever asks."""
    query = select(flows).where(flows.c.id == flow_id, flows.c.access_type == "PUBLIC")
    return (await connection.execute(query)).mappings().one_or_none()


async def head(connection: AsyncConnection, owner: UUID, id_or_name: str) -> RowMapping | None:
    """Return id, name and version of the owner's flow with this id or endpoint name."""
    try:
        which = flows.c.id == UUID(id_or_name)
    except ValueError:
        which = flows.c.endpoint_name == id_or_name
    query = select(flows.c.id, flows.c.name, flows.c.version).where(flows.c.user_id == owner, which)
    return (await connection.execute(query)).mappings().one_or_none()


async def id_of_name(connection: AsyncConnection, owner: UUID, name: str) -> UUID | None:
    """Return the id of the owner's flow of this name."""
    query = select(flows.c.id).where(flows.c.user_id == owner, flows.c.name == name)
    return (await connection.execute(query)).scalar_one_or_none()


def _matching(owner: UUID, wanted: FlowFilter, columns: Sequence[Any]) -> Select[Any]:
    query: Select[Any] = select(*columns).where(flows.c.user_id == owner)
    if wanted.folder_id is not None:
        query = query.where(flows.c.folder_id == wanted.folder_id)
    if wanted.is_component is not None:
        query = query.where(flows.c.is_component == wanted.is_component)
    if wanted.search:
        like = wanted.search.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        query = query.where(flows.c.name.ilike(f"%{like}%", escape="\\"))
    return query


async def many(
    connection: AsyncConnection, owner: UUID, wanted: FlowFilter, *, limit: int | None = None, offset: int = 0
) -> Sequence[RowMapping]:
    """Return the owner's flows that match, by name."""
    query = _matching(owner, wanted, [flows]).order_by(flows.c.created_at, flows.c.id).offset(offset)
    limited = query.limit(limit) if limit is not None else query
    rows: Sequence[RowMapping] = (await connection.execute(limited)).mappings().all()
    return rows


async def count(connection: AsyncConnection, owner: UUID, wanted: FlowFilter) -> int:
    """Return how many of the owner's flows match."""
    return int((await connection.execute(_matching(owner, wanted, [func.count()]))).scalar_one())


async def _taken(connection: AsyncConnection, owner: UUID, column: Any, value: str, but: UUID | None) -> set[str]:
    query = select(column).where(
        flows.c.user_id == owner, or_(column == value, column.startswith(value, autoescape=True))
    )
    if but is not None:
        query = query.where(flows.c.id != but)
    return set((await connection.execute(query)).scalars())


async def _free_names(
    connection: AsyncConnection, owner: UUID, values: dict[str, Any], but: UUID | None = None
) -> dict[str, Any]:
    free = dict(values)
    if values.get("name"):
        free["name"] = numbered(values["name"], await _taken(connection, owner, flows.c.name, values["name"], but))
    if values.get("endpoint_name"):
        taken = await _taken(connection, owner, flows.c.endpoint_name, values["endpoint_name"], but)
        free["endpoint_name"] = numbered(values["endpoint_name"], taken, "{name}-{n}")
    return free


async def add(connection: AsyncConnection, owner: UUID, values: dict[str, Any]) -> RowMapping:
    """Add a flow and return its row. Taken names get numbers; a folder that isn't the owner's becomes the default one."""
    now = datetime.now(UTC)
    folder = values.get("folder_id")
    if folder is None or await projects.one(connection, owner, folder) is None:
        folder = await projects.default_of(connection, owner)
    row = {
        **await _free_names(connection, owner, values),
        "webhook": _holds_webhook(values.get("data")),
        "id": uuid4(),
        "user_id": owner,
        "folder_id": folder,
        "version": 1,
        "created_at": now,
        "updated_at": now,
    }
    await connection.execute(insert(flows), row)
    return (await connection.execute(select(flows).where(flows.c.id == row["id"]))).mappings().one()


async def change(
    connection: AsyncConnection,
    owner: UUID,
    flow_id: UUID,
    values: dict[str, Any],
    seen: datetime | None = None,
) -> RowMapping | None:
    """Set columns of one of the owner's flows, raise its version, and return the row.

    Args:
        connection: where.
        owner: whose it is.
        flow_id: which.
        values: the columns.
        seen: the `updated_at` of the flow that the change was made on.

    Raises:
        StaleFlowError: the flow has changed since it was `seen`.

    """
    # Where several servers write, the second waits here for the first.
    query = select(flows).where(flows.c.user_id == owner, flows.c.id == flow_id).with_for_update()
    before = (await connection.execute(query)).mappings().one_or_none()
    if before is None:
        return None
    if seen is not None and seen.replace(microsecond=0) != before["updated_at"].replace(microsecond=0):
        raise StaleFlowError(before["updated_at"])
    if "folder_id" in values and (
        values["folder_id"] is None or await projects.one(connection, owner, values["folder_id"]) is None
    ):
        values = {k: v for k, v in values.items() if k != "folder_id"}
    free = await _free_names(connection, owner, values, flow_id)
    # What the drawing holds decides, not what a client says of it.
    free["webhook"] = _holds_webhook(values["data"]) if "data" in values else before["webhook"]
    changed = (
        update(flows)
        .where(flows.c.user_id == owner, flows.c.id == flow_id)
        .values(**free, version=flows.c.version + 1, updated_at=_later_than(before["updated_at"]))
    )
    if seen is not None:
        # SQLite has no row locks: another process may have been faster since the look above.
        changed = changed.where(flows.c.version == before["version"])
    if not (await connection.execute(changed)).rowcount:
        raise StaleFlowError(datetime.now(UTC))
    return await one(connection, owner, flow_id)


def _holds_webhook(drawing: object) -> bool:
    nodes = drawing.get("nodes") if isinstance(drawing, dict) else None
    data = [n.get("data") for n in nodes if isinstance(n, dict)] if isinstance(nodes, list) else []
    return any(isinstance(d, dict) and d.get("type") == WEBHOOK for d in data)


async def webhooks(connection: AsyncConnection, id_or_name: str, owner: UUID | None = None) -> Sequence[RowMapping]:
    """Return id and owner of the flows that anybody may call by this id or endpoint name: they hold a Webhook.

    Args:
        connection: where.
        id_or_name: which; users may have the same name each for a flow of theirs.
        owner: whose, where that is known.

    """
    try:
        which = flows.c.id == UUID(id_or_name)
    except ValueError:
        which = flows.c.endpoint_name == id_or_name
    query = (
        select(flows.c.id, flows.c.user_id)
        .join(users, users.c.id == flows.c.user_id)
        .where(which, flows.c.webhook, users.c.is_active)
    )
    if owner is not None:
        query = query.where(flows.c.user_id == owner)
    return (await connection.execute(query.limit(2))).mappings().all()


def _later_than(before: datetime) -> datetime:
    """Return the present, but at least a second after `before`: on the wire, to the second, it tells two versions apart."""
    return max(datetime.now(UTC), before + timedelta(seconds=1))


async def ids_in(connection: AsyncConnection, owner: UUID, project_id: UUID) -> list[UUID]:
    """Return the ids of the flows in one of the owner's projects."""
    query = select(flows.c.id).where(flows.c.user_id == owner, flows.c.folder_id == project_id)
    return list((await connection.execute(query)).scalars())


async def remove(connection: AsyncConnection, owner: UUID, flow_ids: list[UUID]) -> int:
    """Delete the owner's flows among `flow_ids` and return how many there were."""
    found = list(
        (
            await connection.execute(select(flows.c.id).where(flows.c.user_id == owner, flows.c.id.in_(flow_ids)))
        ).scalars()
    )
    await connection.execute(delete(flows).where(flows.c.id.in_(found), flows.c.user_id == owner))
    return len(found)
