"""Users: the rules for creating, changing and deleting accounts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from headrace.db import login_sessions, users
from headrace.errors import BadRequestError, ForbiddenError, NotFoundError
from headrace.services.onboarding import create_default_content

if TYPE_CHECKING:
    from sqlalchemy import RowMapping
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headrace.auth.authenticator import User
    from headrace.auth.password_check import PasswordCheck
    from headrace.db.database import Database
    from headrace.services.starter_flows import StarterFlows

#: Columns that only superusers change.
PRIVILEGED_COLUMNS = frozenset({"is_active", "is_superuser", "last_login_at"})
#: How long after entering a password its user may replace it without entering it again, in seconds. Langflow's clients
#: send only the new password.
RECENT_LOGIN_SECONDS = 300
_RECENT_LOGIN = timedelta(seconds=RECENT_LOGIN_SECONDS)


@dataclass(frozen=True, slots=True)
class NewUser:
    """A user to create. `optins` are the notices that the user has dismissed in the editor."""

    username: str
    password: str
    is_superuser: bool = False
    is_active: bool = True
    optins: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class PasswordChange:
    """A new password, and what shows that the owner of the account asks for it.

    Attributes:
        password: the new password.
        current_password: the present password, or None if the request does not contain it.
        address: the caller's network address, by which wrong passwords are counted.

    """

    password: str
    current_password: str | None
    address: str


class UserService:
    """Reads and writes users, for administrators, the start-up and the command line."""

    def __init__(self, database: Database, starter_flows: StarterFlows | None, passwords: PasswordCheck) -> None:
        """Create the service.

        Args:
            database: the database with the users.
            starter_flows: the source of the first user's first flow; None creates that user without one.
            passwords: hashes passwords, and limits the attempts to guess a current one, together with logins.

        """
        self._database = database
        self._starter_flows = starter_flows
        self._passwords = passwords

    async def create_user(self, new_user: NewUser) -> RowMapping:
        """Create a user with a default project and return the user's row. Only a database's first user has a flow in it.

        Raises:
            BadRequestError: The name is in use.

        """
        password_hash = await self._passwords.hasher.hash(new_user.password)

        async def create(connection: AsyncConnection) -> RowMapping:
            await _check_name_is_free(connection, new_user.username)
            return await self._insert_user(connection, new_user, password_hash)

        return await self._database.write(create)

    async def create_superuser_once(self, username: str, password: str) -> UUID:
        """Create an active superuser and return the id; an existing user of this name remains unchanged."""
        password_hash = await self._passwords.hasher.hash(password)

        async def create(connection: AsyncConnection) -> UUID:
            row = await users.get_by_name(connection, username)
            if row is None:
                row = await self._insert_user(connection, NewUser(username, password, is_superuser=True), password_hash)
            return UUID(str(row["id"]))

        return await self._database.write(create)

    async def set_superuser(self, username: str, password: str) -> None:
        """Create an active superuser, or make an existing user one and replace the password."""
        password_hash = await self._passwords.hasher.hash(password)

        async def save(connection: AsyncConnection) -> None:
            row = await users.get_by_name(connection, username)
            if row is None:
                await self._insert_user(connection, NewUser(username, password, is_superuser=True), password_hash)
                return
            await users.change(connection, row["id"], password=password_hash, is_superuser=True, is_active=True)
            await login_sessions.end_all(connection, row["id"])

        await self._database.write(save)

    async def get_user(self, user_id: UUID) -> RowMapping:
        """Return a user.

        Raises:
            NotFoundError: No user has this id.

        """
        async with self._database.connect() as connection:
            return await _get(connection, user_id)

    async def find_user_by_name(self, username: str) -> RowMapping | None:
        """Return the user with this name, or None."""
        async with self._database.connect() as connection:
            return await users.get_by_name(connection, username)

    async def list_user_page(self, *, skip: int, limit: int) -> tuple[int, Sequence[RowMapping]]:
        """Return the number of users, and at most `limit` of them after the first `skip`, oldest first."""
        async with self._database.connect() as connection:
            return await users.list_page(connection, skip=skip, limit=limit)

    async def update_user(
        self, caller: User, user_id: UUID, columns: Mapping[str, Any], change: PasswordChange | None = None
    ) -> RowMapping:
        """Set columns of the caller's account, or as a superuser of any account, and return its row.

        A new password and a deactivation end the user's login sessions, except that of the caller.

        Args:
            caller: the user who asks for the change.
            user_id: the user to change.
            columns: the columns to set.
            change: a new password; only superusers set passwords this way.

        Raises:
            ForbiddenError: The caller may not change this user or one of these columns.
            BadRequestError: The caller may not set a password here, or the new name is in use.
            TooManyLoginsError: Too many wrong passwords were sent.
            NotFoundError: No user has this id.

        """
        if not caller.is_superuser and user_id != caller.id:
            raise ForbiddenError("Permission denied")
        if not caller.is_superuser and change is not None:
            raise BadRequestError("You can't change your password here")
        values = dict(columns)
        if change is not None:
            await self._check_may_set_password(caller, user_id, change)
            values["password"] = await self._passwords.hasher.hash(change.password)

        async def update(connection: AsyncConnection) -> RowMapping:
            row = await _get(connection, user_id)
            privileged = {k: v for k, v in values.items() if k in PRIVILEGED_COLUMNS}
            if not caller.is_superuser and any(row[k] != v for k, v in privileged.items()):
                raise ForbiddenError("Permission denied")
            if values.get("username", row["username"]) != row["username"]:
                await _check_name_is_free(connection, values["username"])
            await users.change(connection, user_id, **values)
            if "password" in values or values.get("is_active") is False:
                await login_sessions.end_all(connection, user_id, keep=_own_session(caller, user_id))
            return await _get(connection, user_id)

        return await self._database.write(update)

    async def reset_password(self, caller: User, user_id: UUID, change: PasswordChange) -> RowMapping:
        """Replace the caller's own password and return the caller's row. All other login sessions of the caller end.

        Raises:
            ForbiddenError: The caller uses an API key.
            BadRequestError: The account is another user's, the present password is missing or wrong, or the new one is
                the present one.
            TooManyLoginsError: Too many wrong passwords were sent.

        """
        if user_id != caller.id:
            raise BadRequestError("You can't change another user's password")
        await self._check_may_set_password(caller, user_id, change)
        row = await self.get_user(user_id)
        if await self._passwords.hasher.verify(change.password, row["password"]):
            raise BadRequestError("You can't use your current password")
        password_hash = await self._passwords.hasher.hash(change.password)

        async def save(connection: AsyncConnection) -> RowMapping:
            await users.change(connection, user_id, password=password_hash)
            await login_sessions.end_all(connection, user_id, keep=caller.session_id)
            return await _get(connection, user_id)

        return await self._database.write(save)

    async def _check_may_set_password(self, caller: User, user_id: UUID, change: PasswordChange) -> None:
        """Check that a stolen API key or token is not enough to take over an account."""
        if caller.session_id is None:
            raise ForbiddenError("An API key cannot change passwords. Log in, and send the token of the login instead.")
        if user_id != caller.id:
            return
        if change.current_password is not None:
            await self._check_current_password(caller, change.current_password, change.address)
        elif caller.password_at is None or datetime.now(UTC) - caller.password_at > _RECENT_LOGIN:
            raise BadRequestError(
                "The current password is missing. Send it as `current_password`, or log in with it again and set the new "
                f"one within {RECENT_LOGIN_SECONDS // 60} minutes. An operator can set a password with: headrace superuser"
            )

    async def _check_current_password(self, caller: User, password: str, address: str) -> None:
        user = await self._passwords.find_user(address, caller.username, password, lambda: self.get_user(caller.id))
        if user is None:
            raise BadRequestError("The current password is wrong.")

    async def _insert_user(self, connection: AsyncConnection, new_user: NewUser, password_hash: str) -> RowMapping:
        user_id = await users.add(
            connection,
            new_user.username,
            password_hash,
            is_superuser=new_user.is_superuser,
            is_active=new_user.is_active,
            optins=dict(new_user.optins) if new_user.optins is not None else None,
        )
        is_first = (await users.list_page(connection, skip=0, limit=0))[0] == 1
        await create_default_content(connection, user_id, self._starter_flows if is_first else None)
        return await _get(connection, user_id)


def _own_session(caller: User, user_id: UUID) -> UUID | None:
    return caller.session_id if caller.id == user_id else None


async def _get(connection: AsyncConnection, user_id: UUID) -> RowMapping:
    row = await users.get(connection, user_id)
    if row is None:
        raise NotFoundError("User not found")
    return row


async def _check_name_is_free(connection: AsyncConnection, username: str) -> None:
    if await users.get_by_name(connection, username) is not None:
        raise BadRequestError("This username is unavailable.")
