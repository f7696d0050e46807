"""Password hashes: argon2, and bcrypt in older databases."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from pwdlib.hashers.bcrypt import BcryptHasher

from headrace.auth.errors import PasswordQueueFullError

_HASHES = PasswordHash((Argon2Hasher(), BcryptHasher()))

#: The hash for logins with an unknown username, so that they take as long as those with a known one.
_DUMMY_HASH = "$argon2id$v=19$m=65536,t=3,p=4$MTIzNDU2Nzg5MDEyMzQ1Ng$hWNSL4NQkVyaJ9HrP5JNbGXMFZZTGZCTQ2SWxCMqEvM"

#: The maximum length of a password, in characters: the time to hash one grows with its length.
MAX_PASSWORD_LENGTH = 1024
#: How much less processor time a hash gets than other threads that compete with it: 5 means about a third.
NICENESS = 5

T = TypeVar("T")


def hash_password(password: str) -> str:
    """Return the argon2 hash of a password. Slow on purpose, and takes 64 MiB: in a server, call `PasswordHasher.hash`."""
    return _HASHES.hash(password)


def _verify_password(password: str, password_hash: str | None) -> bool:
    """Return whether a password has this hash. Takes as long if the hash is None."""
    matches = len(password) <= MAX_PASSWORD_LENGTH and _HASHES.verify(password, password_hash or _DUMMY_HASH)
    return matches and password_hash is not None


def _lower_priority() -> None:
    """Let the requests of other users go first: a hash occupies several processors."""
    if sys.platform == "linux":
        # On Linux, this is the priority of the calling thread, and of the threads that it starts.
        os.setpriority(os.PRIO_PROCESS, 0, os.getpriority(os.PRIO_PROCESS, 0) + NICENESS)


class PasswordHasher:
    """Hashes and checks passwords in a few threads of its own, with a bounded waiting line.

    A hash occupies a processor for about 50 ms and takes 64 MiB, so that callers of logins must not choose how many are
    computed at a time.
    """

    def __init__(self, threads: int, max_waiting: int) -> None:
        """Create the hasher.

        Args:
            threads: the number of hashes that are computed at a time.
            max_waiting: the maximum number of hashes that are computed or wait.

        """
        self._max_waiting = max_waiting
        self._waiting = 0
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="passwords", initializer=_lower_priority)

    async def hash(self, password: str) -> str:
        """Return the argon2 hash of a password.

        Raises:
            PasswordQueueFullError: too many passwords are waiting.

        """
        return await self._run(hash_password, password)

    async def verify(self, password: str, password_hash: str | None) -> bool:
        """Return whether a password has this hash. Takes as long if the hash is None.

        Raises:
            PasswordQueueFullError: too many passwords are waiting.

        """
        return await self._run(_verify_password, password, password_hash)

    def close(self) -> None:
        """Stop the threads; hashes that wait are dropped."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def _run(self, function: Callable[..., T], *arguments: object) -> T:
        if self._waiting >= self._max_waiting:
            raise PasswordQueueFullError(self._max_waiting)
        self._waiting += 1
        future = asyncio.get_running_loop().run_in_executor(self._executor, function, *arguments)
        # A caller that is cancelled leaves the hash in the line, which therefore counts until it is computed.
        future.add_done_callback(self._finish)
        return await asyncio.shield(future)

    def _finish(self, _future: asyncio.Future[T]) -> None:
        self._waiting -= 1
