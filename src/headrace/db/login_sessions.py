"""Queries on login sessions. The tokens of a session are valid as long as its row exists and has the epoch of its user."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from sqlalchemy import delete, insert, select, update

from headrace.db.changes import Topic, publish
from headrace.db.tables import login_sessions, users

if TYPE_CHECKING:
    from sqlalchemy import RowMapping
    from sqlalchemy.ext.asyncio import AsyncConnection

#: Sessions of one user. The one that expires first ends when another begins beyond this number.
MAX_SESSIONS_PER_USER = 1_000
#: How long the previous refresh token is accepted, for tabs of a browser that refresh at the same time, in seconds.
ROTATION_GRACE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class NewSession:
    """A login session to start.

    Attributes:
        user_id: the user who logged in.
        epoch: the user's `token_epoch` when the credentials were read. If it has changed since, the session is not valid.
        password_at: the time at which the user entered the password; None for auto login.
        expires_at: the time at which the last of its tokens expires.

    """

    user_id: UUID
    epoch: int
    password_at: datetime | None
    expires_at: datetime


async def add(connection: AsyncConnection, session: NewSession) -> UUID:
    """Start a session and return its id. Expired sessions of the user are deleted."""
    await _prune(connection, session.user_id)
    now = datetime.now(UTC)
    row = {
        "id": uuid4(),
        "user_id": session.user_id,
        "epoch": session.epoch,
        "generation": 0,
        "rotated_at": now,
        "password_at": session.password_at,
        "expires_at": session.expires_at,
    }
    await connection.execute(insert(login_sessions), row)
    return UUID(str(row["id"]))


async def get_user(connection: AsyncConnection, session_id: UUID) -> RowMapping | None:
    """Return the active user of a session, with the session's columns that a login needs; None if it has ended."""
    query = (
        select(
            users,
            login_sessions.c.id.label("session_id"),
            login_sessions.c.generation,
            login_sessions.c.rotated_at,
            login_sessions.c.password_at,
        )
        .join(login_sessions, login_sessions.c.user_id == users.c.id)
        .where(login_sessions.c.id == session_id, login_sessions.c.epoch == users.c.token_epoch, users.c.is_active)
    )
    return (await connection.execute(query)).mappings().one_or_none()


async def rotate(
    connection: AsyncConnection, session_id: UUID, generation: int, expires_at: datetime
) -> RowMapping | None:
    """Exchange a refresh token and return the session as `get_user` does, with the next generation.

    Args:
        connection: an open transaction.
        session_id: the session of the token.
        generation: the generation of the token.
        expires_at: when the session's new tokens expire.

    Returns:
        The session's user, or None if the session has ended or the token was used before. The previous token remains
        valid for `ROTATION_GRACE_SECONDS` and returns the same generation.

    """
    now = datetime.now(UTC)
    advance = (
        update(login_sessions)
        .where(login_sessions.c.id == session_id, login_sessions.c.generation == generation)
        .values(generation=generation + 1, rotated_at=now, expires_at=expires_at)
        .returning(login_sessions.c.id)
    )
    is_current = (await connection.execute(advance)).scalar_one_or_none() is not None
    row = await get_user(connection, session_id)
    if row is None or is_current:
        return row
    is_recent = now - row["rotated_at"] <= timedelta(seconds=ROTATION_GRACE_SECONDS)
    return row if row["generation"] == generation + 1 and is_recent else None


async def end(connection: AsyncConnection, session_id: UUID) -> UUID | None:
    """End a session and return its user's id, or None if it has already ended."""
    query = delete(login_sessions).where(login_sessions.c.id == session_id).returning(login_sessions.c.user_id)
    user_id = (await connection.execute(query)).scalar_one_or_none()
    if user_id is None:
        return None
    await publish(connection, Topic.USER, user_id)
    return UUID(str(user_id))


async def end_all(connection: AsyncConnection, user_id: UUID, *, keep: UUID | None = None) -> None:
    """End all sessions of a user, also those of logins that are in progress.

    Args:
        connection: an open transaction.
        user_id: the user.
        keep: a session of the user that continues.

    """
    raise_epoch = (
        update(users)
        .where(users.c.id == user_id)
        .values(token_epoch=users.c.token_epoch + 1)
        .returning(users.c.token_epoch)
    )
    epoch = (await connection.execute(raise_epoch)).scalar_one_or_none()
    if epoch is None:
        return
    is_continuing = login_sessions.c.id == keep
    await connection.execute(delete(login_sessions).where(login_sessions.c.user_id == user_id, ~is_continuing))
    await connection.execute(update(login_sessions).where(is_continuing).values(epoch=epoch))
    await publish(connection, Topic.USER, user_id)


async def _prune(connection: AsyncConnection, user_id: UUID) -> None:
    """Delete the expired sessions of a user, and make room for another one."""
    own = login_sessions.c.user_id == user_id
    await connection.execute(delete(login_sessions).where(own, login_sessions.c.expires_at < datetime.now(UTC)))
    latest = (
        select(login_sessions.c.id)
        .where(own)
        .order_by(login_sessions.c.expires_at.desc(), login_sessions.c.id)
        .offset(MAX_SESSIONS_PER_USER - 1)
    )
    surplus = (await connection.execute(latest)).scalars().all()
    if surplus:
        await connection.execute(delete(login_sessions).where(login_sessions.c.id.in_(surplus)))
        await publish(connection, Topic.USER, user_id)
