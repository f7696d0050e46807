"""Resolves host names in threads of its own, which are divided among accounts, with a time limit.

The system's resolver has no asynchronous interface and cannot be interrupted: a name whose servers do not respond occupies a
thread for up to half a minute. The lookups of an event loop or its default executor would delay those of all other accounts.
"""

from __future__ import annotations

import asyncio
import socket
from weakref import WeakKeyDictionary

from headrace.limits.fair_threads import FairThreads
from headrace.net.addresses import parse_address

#: Length of a host name (RFC 1035, section 2.3.4).
MAX_NAME_LENGTH = 253


class NameLookupError(socket.gaierror):
    """A host name was not resolved in time, or is not valid."""

    def __init__(self, message: str) -> None:
        super().__init__(socket.EAI_AGAIN, message)


class NameResolver:
    """Resolves names with the system's resolver. A lookup counts against its account until the system returns."""

    def __init__(self, max_lookups: int, seconds: float) -> None:
        """Create a resolver. Threads start on first use.

        Args:
            max_lookups: the number of lookups at the same time.
            seconds: the time limit of a lookup, including the wait for its turn.

        """
        self._max_lookups = max_lookups
        self._seconds = seconds
        #: The threads of each event loop. A process has one loop, and perhaps one for blocking calls.
        self._threads: WeakKeyDictionary[asyncio.AbstractEventLoop, FairThreads] = WeakKeyDictionary()

    async def resolve(self, host: str, port: int) -> list[str]:
        """Return the addresses of a host. The host may be an address.

        Raises:
            OSError: the name does not resolve in time.

        """
        address = parse_address(host)
        if address is not None:
            return [str(address)]
        if len(host) > MAX_NAME_LENGTH:
            raise NameLookupError(f"the name is longer than {MAX_NAME_LENGTH} characters")
        try:
            async with asyncio.timeout(self._seconds):
                found = await self._threads_of_loop().run(
                    lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
                )
        except TimeoutError as error:
            raise NameLookupError(
                f"no name server answered within {self._seconds:g} s. Check the name. An operator can raise "
                "HEADRACE_NAME_LOOKUP_SECONDS"
            ) from error
        except UnicodeError as error:
            raise NameLookupError("the name is not valid") from error
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))

    def _threads_of_loop(self) -> FairThreads:
        loop = asyncio.get_running_loop()
        threads = self._threads.get(loop)
        if threads is None:
            threads = self._threads[loop] = FairThreads(self._max_lookups, name="name-lookup")
        return threads

    def close(self) -> None:
        """Accept no more lookups."""
        for threads in self._threads.values():
            threads.close()
        self._threads.clear()
