"""Effects of a transaction outside of the database, such as files, which are undone if it is not committed."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

log = logging.getLogger(__name__)

#: The key in `connection.info` of the effects of a transaction of the writer.
_EFFECTS = "headrace.effects"


class SideEffect(Protocol):
    """An effect of a transaction outside of the database."""

    async def undo(self) -> None:
        """Restore the state before the effect."""

    async def finish(self) -> None:
        """Delete what only `undo` needs."""


class SideEffects:
    """The effects of a transaction, in their order."""

    def __init__(self) -> None:
        self._effects: list[SideEffect] = []

    def attach(self, connection: AsyncConnection) -> None:
        """Collect the effects that the transaction of `connection` adds."""
        connection.info[_EFFECTS] = self._effects

    @contextlib.asynccontextmanager
    async def undo_on_failure(self) -> AsyncIterator[None]:
        """Undo the effects, latest first, if the body raises."""
        try:
            yield
        except BaseException:
            while self._effects:
                try:
                    await self._effects.pop().undo()
                except Exception:
                    log.exception("An effect of a change that was not committed cannot be undone.")
            raise

    async def finish(self) -> None:
        """Finish the effects, after the commit."""
        while self._effects:
            try:
                await self._effects.pop().finish()
            except Exception:
                log.exception("An effect of a committed change cannot be completed.")


def add_side_effect(connection: AsyncConnection, effect: SideEffect) -> None:
    """Add an effect of the transaction of `connection`, before it begins.

    Raises:
        KeyError: the connection is not one of the writer.

    """
    connection.info[_EFFECTS].append(effect)
