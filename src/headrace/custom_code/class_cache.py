"""Cache the component classes that custom code defines, so that code is loaded once per process."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from headrace.custom_code.approval import compute_digest
from headrace.limits.fair_cache import FairCache

if TYPE_CHECKING:
    from headrace.component.component import Component
    from headrace.custom_code.loaders import Loader

#: The size of the cache in bytes, which users share fairly.
MAX_CACHE_BYTES = 64_000_000
#: A class holds its module in memory: about this much, in bytes, and this much for each character of its source.
CLASS_BYTES = 50_000
BYTES_PER_CHARACTER = 8


class ClassCache:
    """Loads component classes on first use and returns the same class afterwards."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader
        #: Classes by user and code digest; the user is None if the loader shares classes between users.
        self._classes: FairCache[tuple[UUID | None, str], type[Component]] = FairCache(MAX_CACHE_BYTES)

    async def reserve(self, user_id: UUID) -> None:
        """Make sure that a user's code can run now; see `Loader.reserve`."""
        await self._loader.reserve(user_id)

    async def load(self, user_id: UUID, code: str) -> type[Component]:
        """Return the class that a source text defines, running the text on first use.

        The caller has checked that the user may run the code or that it is approved.

        Raises:
            ComponentCodeError: the code fails or defines no component.

        """
        digest = compute_digest(code)
        key = (user_id if self._loader.per_user else None, digest)
        component = self._classes.get(key)
        if component is None:
            component = await self._loader.load(user_id, digest, code)
            self._classes.put(key, component, owner=user_id, size=CLASS_BYTES + BYTES_PER_CHARACTER * len(code))
        return component
