"""Builds as rows: what a build said, so that another process can tell its watcher. Forgotten soon after its end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import delete, insert, select, update

from headrace.store.tables import build_lines, builds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import RowMapping
    from sqlalchemy.ext.asyncio import AsyncConnection


async def add(connection: AsyncConnection, values: dict[str, Any]) -> None:
    """Add a build that begins."""
    began = {"cancelled": False, "ended": False, "polled": 0, "alive_at": datetime.now(UTC)}
    await connection.execute(insert(builds), {**began, **values})


async def one(connection: AsyncConnection, watcher: str, build_id: UUID) -> RowMapping | None:
    """Return a build that this watcher began."""
    query = select(builds).where(builds.c.id == build_id, builds.c.watcher == watcher)
    return (await connection.execute(query)).mappings().one_or_none()


async def lines_from(connection: AsyncConnection, build_id: UUID, offset: int) -> list[str]:
    """Return what a build said from its line number `offset` on. Ask only for a build that `one` returned."""
    mine = build_lines.c.build_id == build_id
    query = select(build_lines.c.position, build_lines.c.lines).where(mine, build_lines.c.until > offset)
    rows = (await connection.execute(query.order_by(build_lines.c.position))).all()
    return [line for position, lines in rows for line in lines[max(0, offset - position) :]]


async def say(connection: AsyncConnection, said: Sequence[tuple[UUID, int, list[str], bool]]) -> set[UUID]:
    """Add to what builds said: of each its id, the number of the first line, the lines, and whether it has ended.

    Returns the ids of those that are known: the builds of a user who is deleted go with them.
    """
    query = select(builds.c.id).where(builds.c.id.in_([one[0] for one in said]))
    there = set((await connection.execute(query)).scalars())
    for build_id, position, lines, ended in said:
        if build_id not in there:
            continue
        row = {"build_id": build_id, "position": position, "until": position + len(lines), "lines": lines}
        if lines:
            await connection.execute(insert(build_lines), row)
        values = {"alive_at": datetime.now(UTC), **({"ended": True} if ended else {})}
        await connection.execute(update(builds).where(builds.c.id == build_id).values(**values))
    return there


async def live(connection: AsyncConnection, build_ids: Sequence[UUID]) -> None:
    """Say that builds still run."""
    await connection.execute(update(builds).where(builds.c.id.in_(build_ids)).values(alive_at=datetime.now(UTC)))


async def cancelled(connection: AsyncConnection, build_ids: Sequence[UUID]) -> Sequence[UUID]:
    """Return which of a process's builds are to stop."""
    query = select(builds.c.id).where(builds.c.id.in_(build_ids), builds.c.cancelled)
    return (await connection.execute(query)).scalars().all()


async def cancel(connection: AsyncConnection, watcher: str, build_id: UUID) -> None:
    """Ask whichever process runs a build to stop it."""
    mine = (builds.c.id == build_id, builds.c.watcher == watcher)
    await connection.execute(update(builds).where(*mine).values(cancelled=True))


async def read_until(connection: AsyncConnection, watcher: str, build_id: UUID, polled: int) -> None:
    """Keep how far the watcher who polls has read."""
    mine = (builds.c.id == build_id, builds.c.watcher == watcher)
    await connection.execute(update(builds).where(*mine).values(polled=polled))


async def forget(connection: AsyncConnection, seconds: float) -> None:
    """Delete the builds that said nothing for so long."""
    await connection.execute(delete(builds).where(builds.c.alive_at < datetime.now(UTC) - timedelta(seconds=seconds)))
