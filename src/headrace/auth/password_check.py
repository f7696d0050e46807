"""The check of a user's password, limited by account and address, and hashed in threads of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy.exc import DBAPIError

from headrace.auth.login_throttle import LoginThrottle
from headrace.auth.passwords import PasswordHasher
from headrace.errors import HeadraceError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from headrace.settings.auth import AuthSettings

UserRow = TypeVar("UserRow", bound="Mapping[Any, Any]")


class PasswordCheck:
    """Checks and hashes passwords. Logins and changes of passwords share its limits."""

    def __init__(self, hasher: PasswordHasher, throttle: LoginThrottle) -> None:
        self.hasher = hasher
        self._throttle = throttle

    @classmethod
    def from_settings(cls, settings: AuthSettings) -> PasswordCheck:
        """Return a check with the limits that the settings define."""
        throttle = LoginThrottle(
            attempts_per_address=settings.failed_logins_per_address,
            attempts_per_account=settings.failed_logins_per_account,
        )
        return cls(PasswordHasher(settings.password_threads, settings.max_waiting_passwords), throttle)

    async def find_user(
        self, address: str, username: str, password: str, load: Callable[[], Awaitable[UserRow | None]]
    ) -> UserRow | None:
        """Return the row of a user if the password is right, or None.

        Args:
            address: the caller's network address, by which attempts are counted.
            username: the user's name.
            password: the password to check.
            load: reads the user's row; None for an unknown user, whose password takes as long to check.

        Raises:
            TooManyLoginsError: too many attempts from this address, or on this account, have failed.
            PasswordQueueFullError: too many passwords are waiting to be checked.

        """
        attempt = self._throttle.start(address, username)
        try:
            user = await load()
            is_valid = await self.hasher.verify(password, user["password"] if user is not None else None)
        except (HeadraceError, DBAPIError):
            self._throttle.cancel(attempt)
            raise
        if user is None or not is_valid:
            return None
        self._throttle.succeed(attempt)
        return user
