"""Load component classes from custom code, in this process or in a worker process of the user."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from headrace.compat.loader import load_component

if TYPE_CHECKING:
    from headrace.component.component import Component


class Loader(Protocol):
    """Loads component classes; `InProcessLoader` and `isolation.host.worker_pool.WorkerPool` implement it."""

    #: Whether each user's code is loaded separately, so that classes must not be shared between users.
    per_user: bool

    async def reserve(self, user: UUID) -> None:
        """Make sure that a user's code can run now.

        Raises:
            TooManyWorkersError: all workers are busy with the code of other users.

        """
        ...

    async def load(self, user: UUID, digest: str, code: str) -> type[Component]:
        """Run a source text for a user and return the component class that it defines.

        Raises:
            ComponentCodeError: the code fails or defines no component.

        """
        ...


class InProcessLoader:
    """Loads code into the server's own process (setting `code_isolation=none`)."""

    per_user = False

    async def reserve(self, user: UUID) -> None:
        """Do nothing: this process has no limit on users."""

    async def load(self, user: UUID, digest: str, code: str) -> type[Component]:
        """Load a component class; see `Loader.load`."""
        return await asyncio.to_thread(load_component, code)
