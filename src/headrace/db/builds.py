"""Queries on builds and their event lines, through which another process can serve the events of a build.

Builds are deleted soon after they end.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import delete, insert, select, update

from headrace.db.tables import build_lines, builds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import RowMapping
    from sqlalchemy.ext.asyncio import AsyncConnection


#: Rows of lines that are read at a time.
MAX_ROWS = 16


async def add(connection: AsyncConnection, values: dict[str, Any]) -> None:
    """Add a build that starts now."""
    initial = {"cancelled": False, "ended": False, "polled": 0, "alive_at": datetime.now(UTC)}
    await connection.execute(insert(builds), {**initial, **values})


async def get(connection: AsyncConnection, watcher: str, build_id: UUID) -> RowMapping | None:
    """Return a build that this watcher started."""
    query = select(builds).where(builds.c.id == build_id, builds.c.watcher == watcher)
    return (await connection.execute(query)).mappings().one_or_none()


async def read_lines(connection: AsyncConnection, build_id: UUID, offset: int) -> tuple[list[str], bool]:
    """Return lines of a build from line number `offset`, at most those of `MAX_ROWS` rows, and whether these are all.

    Callers check access with `get` first.
    """
    mine = build_lines.c.build_id == build_id
    query = select(build_lines.c.position, build_lines.c.lines).where(mine, build_lines.c.until > offset)
    rows = (await connection.execute(query.order_by(build_lines.c.position).limit(MAX_ROWS))).all()
    lines = [line for position, row_lines in rows for line in row_lines[max(0, offset - position) :]]
    return lines, len(rows) < MAX_ROWS


@dataclass(frozen=True, slots=True)
class Addition:
    """Lines to append to a build.

    Attributes:
        position: the number of the first line.
        is_last: whether the build has ended with these lines.

    """

    build_id: UUID
    position: int
    lines: list[str]
    is_last: bool


async def append_lines(connection: AsyncConnection, additions: Sequence[Addition]) -> set[UUID]:
    """Append lines to builds and return the ids of the builds that exist.

    Deleting a user deletes the user's builds, also while they run.
    """
    query = select(builds.c.id).where(builds.c.id.in_({added.build_id for added in additions}))
    existing = set((await connection.execute(query)).scalars())
    for added in additions:
        if added.build_id not in existing:
            continue
        until = added.position + len(added.lines)
        row = {"build_id": added.build_id, "position": added.position, "until": until, "lines": added.lines}
        if added.lines:
            await connection.execute(insert(build_lines), row)
        values = {"alive_at": datetime.now(UTC), **({"ended": True} if added.is_last else {})}
        await connection.execute(update(builds).where(builds.c.id == added.build_id).values(**values))
    return existing


async def heartbeat(connection: AsyncConnection, build_ids: Sequence[UUID]) -> None:
    """Record that builds are still running."""
    await connection.execute(update(builds).where(builds.c.id.in_(build_ids)).values(alive_at=datetime.now(UTC)))


async def list_cancelled(connection: AsyncConnection, build_ids: Sequence[UUID]) -> Sequence[UUID]:
    """Return the ids of the builds among `build_ids` whose cancellation was requested."""
    query = select(builds.c.id).where(builds.c.id.in_(build_ids), builds.c.cancelled)
    return (await connection.execute(query)).scalars().all()


async def cancel(connection: AsyncConnection, watcher: str, build_id: UUID) -> None:
    """Request the cancellation of a build from the process that runs it."""
    mine = (builds.c.id == build_id, builds.c.watcher == watcher)
    await connection.execute(update(builds).where(*mine).values(cancelled=True))


async def set_cursor(connection: AsyncConnection, watcher: str, build_id: UUID, polled: int) -> None:
    """Store the number of lines that a polling watcher has read."""
    mine = (builds.c.id == build_id, builds.c.watcher == watcher)
    await connection.execute(update(builds).where(*mine).values(polled=polled))


async def remove(connection: AsyncConnection, build_ids: Sequence[UUID]) -> None:
    """Delete builds."""
    await connection.execute(delete(builds).where(builds.c.id.in_(build_ids)))


async def prune(connection: AsyncConnection, seconds: float) -> None:
    """Delete the builds without a sign of life for `seconds`."""
    await connection.execute(delete(builds).where(builds.c.alive_at < datetime.now(UTC) - timedelta(seconds=seconds)))
