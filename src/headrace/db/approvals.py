"""Queries on approvals of custom code. An approved code may run on this server in the flows of every user."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import delete, insert, select

from headrace.db.changes import Topic, publish
from headrace.db.tables import approvals, users

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import RowMapping
    from sqlalchemy.ext.asyncio import AsyncConnection


class ApprovalMethod(StrEnum):
    """How code was approved.

    Attributes:
        CHECKED: its author checked it in the editor.
        REQUESTED: a request named its digest.
        COMMAND_LINE: the operator approved it on the command line.
        SAVED: a flow with it was saved, in a database of an earlier version. Saving approves nothing any more.

    """

    CHECKED = "checked"
    REQUESTED = "requested"
    COMMAND_LINE = "command line"
    SAVED = "saved"


async def filter_approved(connection: AsyncConnection, digests: Collection[str]) -> set[str]:
    """Return the digests of approved code among `digests`."""
    query = select(approvals.c.digest).where(approvals.c.digest.in_(list(digests)))
    return set((await connection.execute(query)).scalars())


async def add(connection: AsyncConnection, user: UUID | None, names: Mapping[str, str], method: ApprovalMethod) -> None:
    """Approve code by digest. Existing approvals do not change.

    Args:
        connection: an open transaction.
        user: the approver; None for the operator.
        names: the name of a component for each digest, empty if it is not known.
        method: how the code is approved.

    """
    approved = await filter_approved(connection, names.keys())
    now = datetime.now(UTC)
    rows: list[dict[str, Any]] = [
        {"digest": digest, "user_id": user, "name": name[:255], "approved_at": now, "method": method.value}
        for digest, name in names.items()
        if digest not in approved
    ]
    if rows:
        await connection.execute(insert(approvals), rows)
        await publish(connection, Topic.APPROVAL, *(row["digest"] for row in rows))


async def list_(connection: AsyncConnection) -> Sequence[RowMapping]:
    """Return all approvals, newest first, each with the username of the approver."""
    query = (
        select(approvals, users.c.username)
        .select_from(approvals.outerjoin(users, users.c.id == approvals.c.user_id))
        .order_by(approvals.c.approved_at.desc(), approvals.c.digest)
    )
    return (await connection.execute(query)).mappings().all()


async def remove(connection: AsyncConnection, digest: str) -> bool:
    """Delete an approval and return whether it existed."""
    query = delete(approvals).where(approvals.c.digest == digest)
    if (await connection.execute(query.returning(approvals.c.digest))).scalar_one_or_none() is None:
        return False
    await publish(connection, Topic.APPROVAL, digest)
    return True
