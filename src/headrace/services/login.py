"""Login: the exchange of credentials for tokens."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from headrace.auth.errors import InactiveUserError, InvalidLoginError, InvalidTokenError
from headrace.db import login_sessions, users
from headrace.db.login_sessions import NewSession
from headrace.errors import BadRequestError

if TYPE_CHECKING:
    from sqlalchemy import RowMapping
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headrace.auth.password_check import PasswordCheck
    from headrace.auth.tokens import Tokens
    from headrace.db.database import Database
    from headrace.settings.auth import AuthSettings

log = logging.getLogger(__name__)


class AutoLoginDisabledError(BadRequestError):
    """Auto login is disabled, or not available from this address."""

    @property
    def detail(self) -> object:
        """Return the message and `auto_login`, which clients read."""
        return {"message": self.message, "auto_login": False}


@dataclass(frozen=True, slots=True)
class Login:
    """A successful login.

    Attributes:
        access_token: authenticates requests.
        refresh_token: can be exchanged once for new tokens.
        has_store_key: whether the user has saved a key of the component store.

    """

    access_token: str
    refresh_token: str
    has_store_key: bool


class LoginService:
    """Issues tokens for users who prove their identity."""

    def __init__(self, database: Database, tokens: Tokens, passwords: PasswordCheck, settings: AuthSettings) -> None:
        self._database = database
        self._tokens = tokens
        self._passwords = passwords
        self._settings = settings

    async def log_in(self, address: str, username: str, password: str) -> Login:
        """Log in with a name and a password.

        Args:
            address: the caller's network address, by which failed attempts are counted.
            username: the user's name.
            password: the user's password.

        Raises:
            TooManyLoginsError: Too many attempts from this address, or on this account, have failed.
            PasswordQueueFullError: Too many passwords are waiting to be checked.
            InvalidLoginError: The name or the password is wrong.
            InactiveUserError: The user is not active.

        """
        user = await self._passwords.find_user(address, username, password, lambda: self._load_user(username))
        if user is None:
            raise InvalidLoginError
        if not user["is_active"]:
            raise InactiveUserError(was_active=user["last_login_at"] is not None)
        return await self._start_session(user, password_at=datetime.now(UTC))

    async def _load_user(self, username: str) -> RowMapping | None:
        async with self._database.connect() as connection:
            return await users.get_by_name(connection, username)

    async def log_in_automatically(self, *, is_local: bool) -> Login:
        """Log in as the superuser without a password.

        Args:
            is_local: whether the request comes from the server's own machine.

        Raises:
            AutoLoginDisabledError: Auto login is disabled, or allowed only on the server's own machine.
            InvalidTokenError: The superuser does not exist.

        """
        if not self._settings.auto_login:
            raise AutoLoginDisabledError("Auto login is disabled. Please enable it in the settings")
        if not self._settings.allow_public_auto_login and not is_local:
            raise AutoLoginDisabledError(
                "Auto login works only in a browser on the server's own machine, at localhost or a loopback address"
            )
        async with self._database.connect() as connection:
            user = await users.get_by_name(connection, self._settings.superuser)
        if user is None or not user["is_active"]:
            raise InvalidTokenError("The default user does not exist, or is not active")
        return await self._start_session(user, password_at=None)

    async def refresh(self, refresh_token: str | None) -> Login:
        """Exchange a refresh token for new tokens. A second use of a token ends its session.

        Raises:
            InvalidTokenError: The token is missing, not valid or used, or its session has ended.

        """
        try:
            claims = self._tokens.verify_refresh(refresh_token or "")
        except InvalidTokenError as error:
            raise InvalidTokenError("Invalid refresh token") from error

        async def rotate(connection: AsyncConnection) -> RowMapping | UUID | None:
            row = await login_sessions.rotate(
                connection, claims.session_id, claims.generation, self._tokens.expires_at()
            )
            return row or await login_sessions.end(connection, claims.session_id)

        session = await self._database.write(rotate)
        if isinstance(session, UUID):
            log.warning("A refresh token of user %s was used twice. Its login session has ended.", session)
        if session is None or isinstance(session, UUID):
            raise InvalidTokenError("Invalid refresh token")
        return self._issue(session, session["session_id"], session["generation"])

    async def log_out(self, session_id: UUID | None, refresh_token: str | None) -> None:
        """End all login sessions of a user, on all devices.

        Args:
            session_id: a session of the user, or None if the caller has no valid access token.
            refresh_token: identifies the session in that case. A token that is not valid is ignored.

        """
        if session_id is None:
            try:
                session_id = self._tokens.verify_refresh(refresh_token or "").session_id
            except InvalidTokenError:
                return
        ending = session_id

        async def end(connection: AsyncConnection) -> None:
            user_id = await login_sessions.end(connection, ending)
            if user_id is not None:
                await login_sessions.end_all(connection, user_id)

        await self._database.write(end)

    async def _start_session(self, user: RowMapping, *, password_at: datetime | None) -> Login:
        user_id = UUID(str(user["id"]))
        session = NewSession(user_id, user["token_epoch"], password_at, self._tokens.expires_at())

        async def start(connection: AsyncConnection) -> UUID:
            if password_at is not None:
                await users.change(connection, user_id, last_login_at=password_at)
            return await login_sessions.add(connection, session)

        return self._issue(user, await self._database.write(start), generation=0)

    def _issue(self, user: RowMapping, session_id: UUID, generation: int) -> Login:
        user_id = UUID(str(user["id"]))
        return Login(
            self._tokens.issue_access(user_id, session_id),
            self._tokens.issue_refresh(user_id, session_id, generation),
            has_store_key=bool(user["store_api_key"]),
        )
