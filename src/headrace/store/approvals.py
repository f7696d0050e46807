"""Approvals as rows: which code of people may run on this server, whoever's flow it is in."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import delete, insert, select

from headrace.store.tables import approvals, users

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import RowMapping
    from sqlalchemy.ext.asyncio import AsyncConnection


async def known(connection: AsyncConnection, digests: Collection[str]) -> set[str]:
    """Return which of these codes are approved."""
    query = select(approvals.c.digest).where(approvals.c.digest.in_(list(digests)))
    return set((await connection.execute(query)).scalars())


async def add(connection: AsyncConnection, user: UUID, names: Mapping[str, str]) -> None:
    """Approve codes, by digest and the name of their node. What is approved already stays as it is."""
    there = await known(connection, names.keys())
    now = datetime.now(UTC)
    rows = [
        {"digest": digest, "user_id": user, "name": name[:255], "approved_at": now}
        for digest, name in names.items()
        if digest not in there
    ]
    if rows:
        await connection.execute(insert(approvals), rows)


async def listed(connection: AsyncConnection) -> Sequence[RowMapping]:
    """Return all approvals, newest first, with the name of who gave each."""
    query = (
        select(approvals, users.c.username)
        .select_from(approvals.outerjoin(users, users.c.id == approvals.c.user_id))
        .order_by(approvals.c.approved_at.desc(), approvals.c.digest)
    )
    return (await connection.execute(query)).mappings().all()


async def remove(connection: AsyncConnection, digest: str) -> bool:
    """Take an approval back; return whether there was one."""
    query = delete(approvals).where(approvals.c.digest == digest)
    return (await connection.execute(query.returning(approvals.c.digest))).scalar_one_or_none() is not None
