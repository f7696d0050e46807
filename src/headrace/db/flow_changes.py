"""Add, change and delete the flows of an owner."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from sqlalchemy import delete, insert, or_, select, update

from headrace.db import projects
from headrace.db.changes import Topic, publish
from headrace.db.flows import WEBHOOK, get
from headrace.db.tables import flows
from headrace.db.unique_names import UniqueNames, next_free_name
from headrace.errors import ConflictError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import RowMapping
    from sqlalchemy.ext.asyncio import AsyncConnection

#: The format of an endpoint name with a number.
ENDPOINT_PATTERN = "{name}-{n}"
#: Flows that are inserted and read back at a time. The event loop serves its other tasks in between.
INSERT_ROWS = 50


class StaleFlowError(ConflictError):
    """A flow was changed since the caller read it."""

    def __init__(self, updated_at: datetime) -> None:
        super().__init__(
            f"This flow was changed at {updated_at.isoformat(timespec='seconds')}, after you read it. "
            "Read it again and repeat your change."
        )


async def _names_in_use(
    connection: AsyncConnection, owner: UUID, column: Any, value: str, excluded_id: UUID | None
) -> set[str]:
    query = select(column).where(
        flows.c.user_id == owner, or_(column == value, column.startswith(value, autoescape=True))
    )
    if excluded_id is not None:
        query = query.where(flows.c.id != excluded_id)
    return set((await connection.execute(query)).scalars())


async def _free_names(
    connection: AsyncConnection, owner: UUID, values: dict[str, Any], excluded_id: UUID | None = None
) -> dict[str, Any]:
    free = dict(values)
    if values.get("name"):
        free["name"] = next_free_name(
            values["name"], await _names_in_use(connection, owner, flows.c.name, values["name"], excluded_id)
        )
    if values.get("endpoint_name"):
        taken = await _names_in_use(connection, owner, flows.c.endpoint_name, values["endpoint_name"], excluded_id)
        free["endpoint_name"] = next_free_name(values["endpoint_name"], taken, ENDPOINT_PATTERN)
    return free


async def create(connection: AsyncConnection, owner: UUID, values: dict[str, Any]) -> RowMapping:
    """Add a flow and return its row. Names in use get numbers; a folder of another owner becomes the default one."""
    free = await _free_names(connection, owner, values)
    return (await _insert(connection, owner, [free]))[0]


async def create_many(connection: AsyncConnection, owner: UUID, values: Sequence[dict[str, Any]]) -> list[RowMapping]:
    """Add flows and return their rows; see `create`. The number of queries does not depend on the number of flows."""
    if len(values) == 1:
        return [await create(connection, owner, values[0])]
    query = select(flows.c.name, flows.c.endpoint_name).where(flows.c.user_id == owner)
    in_use = (await connection.execute(query)).all()
    names = UniqueNames(row[0] for row in in_use)
    endpoint_names = UniqueNames((row[1] for row in in_use if row[1]), ENDPOINT_PATTERN)
    free: list[dict[str, Any]] = []
    for columns in values:
        columns = dict(columns)
        if columns.get("name"):
            columns["name"] = names.allocate(columns["name"])
        if columns.get("endpoint_name"):
            columns["endpoint_name"] = endpoint_names.allocate(columns["endpoint_name"])
        free.append(columns)
    return await _insert(connection, owner, free)


async def _insert(connection: AsyncConnection, owner: UUID, values: Sequence[dict[str, Any]]) -> list[RowMapping]:
    """Add flows whose names are free, and return their rows."""
    folders = {columns.get("folder_id") for columns in values}
    own = await projects.list_own_ids(connection, owner, [folder for folder in folders if folder is not None])
    default = await projects.get_default_id(connection, owner) if folders - own else None
    now = datetime.now(UTC)
    rows = [
        {
            **columns,
            "webhook": _has_webhook(columns.get("data")),
            "id": uuid4(),
            "user_id": owner,
            "folder_id": folder if (folder := columns.get("folder_id")) in own else default,
            "version": 1,
            # Lists are in the order of creation.
            "created_at": now + timedelta(microseconds=position),
            "updated_at": now,
        }
        for position, columns in enumerate(values)
    ]
    created: list[RowMapping] = []
    for start in range(0, len(rows), INSERT_ROWS):
        part = rows[start : start + INSERT_ROWS]
        # The columns of a statement are those of its first row.
        for _, alike in groupby(part, key=lambda row: row.keys()):
            await connection.execute(insert(flows), list(alike))
        stored = await connection.execute(select(flows).where(flows.c.id.in_([row["id"] for row in part])))
        by_id = {row["id"]: row for row in stored.mappings()}
        created += [by_id[row["id"]] for row in part]
    await publish(connection, Topic.LISTS, owner)
    return created


async def update_(
    connection: AsyncConnection,
    owner: UUID,
    flow_id: UUID,
    values: dict[str, Any],
    seen: datetime | None = None,
) -> RowMapping | None:
    """Set columns of one of the owner's flows, raise its version, and return the row.

    Args:
        connection: a connection with a transaction.
        owner: the id of the owner.
        flow_id: the id of the flow.
        values: the columns to set.
        seen: the `updated_at` of the version that the caller has read.

    Raises:
        StaleFlowError: the flow has changed since `seen`.

    """
    # With several servers, a second writer waits here for the first.
    query = select(flows).where(flows.c.user_id == owner, flows.c.id == flow_id).with_for_update()
    before = (await connection.execute(query)).mappings().one_or_none()
    if before is None:
        return None
    if seen is not None and seen.replace(microsecond=0) != before["updated_at"].replace(microsecond=0):
        raise StaleFlowError(before["updated_at"])
    if "folder_id" in values and (
        values["folder_id"] is None or await projects.get(connection, owner, values["folder_id"]) is None
    ):
        values = {k: v for k, v in values.items() if k != "folder_id"}
    free = await _free_names(connection, owner, values, flow_id)
    # The graph's nodes decide, not the client's value.
    free["webhook"] = _has_webhook(values["data"]) if "data" in values else before["webhook"]
    changed = (
        update(flows)
        .where(flows.c.user_id == owner, flows.c.id == flow_id)
        .values(**free, version=flows.c.version + 1, updated_at=_later_than(before["updated_at"]))
    )
    if seen is not None:
        # SQLite has no row locks: another process may have changed the flow since the query above.
        changed = changed.where(flows.c.version == before["version"])
    if not (await connection.execute(changed)).rowcount:
        raise StaleFlowError(datetime.now(UTC))
    await publish(connection, Topic.FLOW, flow_id)
    await publish(connection, Topic.LISTS, owner)
    return await get(connection, owner, flow_id)


def _has_webhook(graph: object) -> bool:
    nodes = graph.get("nodes") if isinstance(graph, dict) else None
    data = [n.get("data") for n in nodes if isinstance(n, dict)] if isinstance(nodes, list) else []
    return any(isinstance(d, dict) and d.get("type") == WEBHOOK for d in data)


def _later_than(before: datetime) -> datetime:
    """Return the current time, but at least a second after `before`: clients compare versions by times in seconds."""
    return max(datetime.now(UTC), before + timedelta(seconds=1))


async def delete_(connection: AsyncConnection, owner: UUID, flow_ids: list[UUID]) -> int:
    """Delete the owner's flows among `flow_ids` and return their number."""
    found = list(
        (
            await connection.execute(select(flows.c.id).where(flows.c.user_id == owner, flows.c.id.in_(flow_ids)))
        ).scalars()
    )
    await connection.execute(delete(flows).where(flows.c.id.in_(found), flows.c.user_id == owner))
    await publish(connection, Topic.FLOW, *found)
    await publish(connection, Topic.LISTS, owner)
    return len(found)
