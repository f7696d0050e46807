"""References to objects of the other process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol

from headrace.errors import HeadraceError

#: Sends a request, given its operation and arguments, and returns its result.
Request = Callable[[str, dict[str, Any]], Awaitable[Any]]


class StaleReferenceError(HeadraceError):
    """A reference names an object that no longer exists."""

    def __init__(self) -> None:
        super().__init__("The object belongs to a run or a worker process that has ended. Run the flow again.")


class ReferenceTable(Protocol):
    """The part of `object_table.ObjectTable` that references use."""

    #: Sends a request to the other side's table of the same run.
    request: Request
    #: The event loop that serves the connection.
    loop: asyncio.AbstractEventLoop

    async def decode_untrusted(self, raw: Any) -> Any:
        """Return the value that the other side encoded."""
        ...


class RemoteRef:
    """A reference to one object of the other process."""

    def __init__(self, table: ReferenceTable, number: int) -> None:
        self.table = table
        self.number = number

    async def request(self, op: str, **args: Any) -> Any:
        """Request an operation on the object; see `connection` for the operations."""
        return await self.table.request(op, {"object": self.number, **args})

    def run_from_thread(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine on the connection's event loop, called from another thread, and return its result.

        Raises:
            HeadraceError: the caller is on an event loop, which would wait for itself.

        """
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return asyncio.run_coroutine_threadsafe(work, self.table.loop).result()
        work.close()
        raise HeadraceError(
            "An async method of a component cannot call this synchronously. Await the async variant: ainvoke, astream, "
            "aembed_query or aembed_documents."
        )


class OpaqueHandle:
    """Stands for an object whose class only the other process knows. It can be passed back to that process."""

    def __init__(self, remote_ref: RemoteRef) -> None:
        self.remote_ref = remote_ref
