"""Queries on the stored responses of an owner."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson
from sqlalchemy import Text, and_, cast, delete, exists, func, insert, literal, select, update

from headrace.db.tables import jobs, responses

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, RowMapping
    from sqlalchemy.ext.asyncio import AsyncConnection

#: Statuses of a response whose run has not ended.
PENDING_STATUSES = ("queued", "in_progress")
#: The number of the oldest responses that one step of the pruning looks at.
_PRUNE_STEP = 100


@dataclass(frozen=True, slots=True)
class NewResponse:
    """A response to store.

    Attributes:
        body: the response as the API returns it.
        items: the input items of its request.
        job_id: the job of a background response.

    """

    owner: UUID
    session_id: str
    body: dict[str, Any]
    items: list[dict[str, Any]]
    job_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class ResponseLimits:
    """The maximum number of an owner's responses, and their maximum size in bytes."""

    max_count: int
    max_bytes: int


async def add(connection: AsyncConnection, response: NewResponse, limits: ResponseLimits) -> None:
    """Store a response, and delete the owner's oldest ones beyond the limits. The new one and those of waiting jobs stay."""
    input_size = len(orjson.dumps(response.items))
    values = {
        "id": response.body["id"],
        "user_id": response.owner,
        "session_id": response.session_id,
        "job_id": response.job_id,
        "status": response.body["status"],
        "body": response.body,
        "input": response.items,
        "size": len(orjson.dumps(response.body)) + input_size,
        "input_size": input_size,
        "previous_id": response.body["previous_response_id"],
        "created_at": datetime.now(UTC),
    }
    await connection.execute(insert(responses), values)
    await _prune(connection, response.owner, str(values["id"]), limits)


async def _prune(connection: AsyncConnection, owner: UUID, newest: str, limits: ResponseLimits) -> None:
    mine = responses.c.user_id == owner
    total = select(func.count(), func.coalesce(func.sum(responses.c.size), 0)).where(mine)
    # The response of a job stays until it ends. If its flow was deleted, and its job with it, it is pruned like others.
    has_job = and_(
        responses.c.status.in_(PENDING_STATUSES), exists(select(jobs.c.id).where(jobs.c.id == responses.c.job_id))
    )
    count, size = (await connection.execute(total)).one()
    while count > limits.max_count or size > limits.max_bytes:
        oldest = select(responses.c.id, responses.c.size).where(mine, responses.c.id != newest, ~has_job)
        rows = (await connection.execute(oldest.order_by(responses.c.created_at).limit(_PRUNE_STEP))).all()
        removed: list[str] = []
        for response_id, response_size in rows:
            if count <= limits.max_count and size <= limits.max_bytes:
                break
            removed.append(response_id)
            count, size = count - 1, size - response_size
        if not removed:
            return
        await connection.execute(delete(responses).where(responses.c.id.in_(removed)))


async def get(connection: AsyncConnection, owner: UUID, response_id: str) -> RowMapping | None:
    """Return the job, the status and the body of one of the owner's responses."""
    query = select(responses.c.job_id, responses.c.status, responses.c.body).where(_is(owner, response_id))
    return (await connection.execute(query)).mappings().one_or_none()


async def get_input(connection: AsyncConnection, owner: UUID, response_id: str) -> list[dict[str, Any]] | None:
    """Return the input items of one of the owner's responses."""
    items: list[dict[str, Any]] | None = (
        await connection.execute(select(responses.c.input).where(_is(owner, response_id)))
    ).scalar_one_or_none()
    return items


async def list_chain(connection: AsyncConnection, owner: UUID, response_id: str, limit: int) -> Sequence[RowMapping]:
    """Return the ids, sessions and sizes of a response and of those that it continues, newest first."""
    columns = (responses.c.id, responses.c.previous_id, responses.c.session_id, responses.c.size)
    newest = select(*columns, literal(1).label("depth")).where(_is(owner, response_id)).cte("chain", recursive=True)
    chain = newest.union_all(
        select(*columns, newest.c.depth + 1).where(
            responses.c.user_id == owner, responses.c.id == newest.c.previous_id, newest.c.depth < limit
        )
    )
    return (await connection.execute(select(chain).order_by(chain.c.depth))).mappings().all()


async def read_items(
    connection: AsyncConnection, owner: UUID, response_ids: Sequence[str]
) -> dict[str, tuple[str, str]]:
    """Return the inputs and the bodies of the owner's responses among `response_ids` as JSON, by id."""
    query = select(responses.c.id, cast(responses.c.input, Text), cast(responses.c.body, Text)).where(
        responses.c.user_id == owner, responses.c.id.in_(response_ids)
    )
    return {row_id: (items, body) for row_id, items, body in await connection.execute(query)}


async def size_of_bodies(connection: AsyncConnection, owner: UUID, response_ids: Sequence[str]) -> int:
    """Return the size of the bodies of the owner's responses among `response_ids`, in bytes."""
    size = func.coalesce(func.sum(responses.c.size - responses.c.input_size), 0)
    query = select(size).where(responses.c.user_id == owner, responses.c.id.in_(response_ids))
    return int((await connection.execute(query)).scalar_one())


async def read_bodies(connection: AsyncConnection, owner: UUID, response_ids: Sequence[str]) -> Sequence[str]:
    """Return the bodies of the owner's responses among `response_ids` as JSON, which a thread may parse."""
    query = select(cast(responses.c.body, Text)).where(responses.c.user_id == owner, responses.c.id.in_(response_ids))
    return (await connection.execute(query)).scalars().all()


async def change(connection: AsyncConnection, response_id: str, body: dict[str, Any]) -> bool:
    """Replace the body of a response whose run has not ended, and return whether there is one."""
    size = responses.c.input_size + len(orjson.dumps(body))
    query = (
        update(responses)
        .where(responses.c.id == response_id, responses.c.status.in_(PENDING_STATUSES))
        .values(status=body["status"], body=body, size=size)
    )
    return (await connection.execute(query)).rowcount > 0


async def remove(connection: AsyncConnection, owner: UUID, response_id: str) -> RowMapping | None:
    """Delete one of the owner's responses and return its `job_id`."""
    query = delete(responses).where(_is(owner, response_id)).returning(responses.c.job_id)
    return (await connection.execute(query)).mappings().one_or_none()


def _is(owner: UUID, response_id: str) -> ColumnElement[bool]:
    return and_(responses.c.user_id == owner, responses.c.id == response_id)
