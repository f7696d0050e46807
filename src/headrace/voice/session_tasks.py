"""The tasks that every voice session has: reading from the client, sending to it, storing messages, and the time limit."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError

from headrace.errors import HeadraceError
from headrace.voice.events import error_event
from headrace.voice.session_end import INTERNAL_ERROR, NORMAL, ClientGoneError, Close, SessionEnd

if TYPE_CHECKING:
    from headrace.voice.conversation_log import ConversationLog
    from headrace.voice.outbox import Outbox
    from headrace.voice.sockets import ClientSocket

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """Time limits of a session, in seconds: of all of it, and of sending an event to a client that does not read."""

    session_seconds: float
    send_seconds: float


class SessionTasks:
    """Owns the tasks of one session. None of them outlives `run`."""

    def __init__(
        self, client: ClientSocket, outbox: Outbox, conversation: ConversationLog, limits: SessionLimits
    ) -> None:
        self._client = client
        self._outbox = outbox
        self._conversation = conversation
        self._limits = limits

    async def run(self, start: Callable[[asyncio.TaskGroup], Awaitable[None]]) -> Close | None:
        """Serve a session until one of its tasks ends it.

        Args:
            start: starts the tasks of this kind of session.

        Returns:
            The close frame for the client, or None if the client has gone.

        """
        close: Close | None = None
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._send_events(), name="voice-sender")
                group.create_task(self._store_messages(), name="voice-messages")
                group.create_task(self._limit_time(), name="voice-time")
                await start(group)
        except* SessionEnd as ends:
            close = _first_close(ends)
        except* ClientGoneError:
            close = None
        except* Exception as errors:
            log.exception("unexpected error in a voice session", exc_info=errors)
            await self._report_failure()
            close = Close(INTERNAL_ERROR, "internal_error")
        finally:
            await self._conversation.flush()
        return close

    async def read_client(self, handle: Callable[[str | bytes], Awaitable[None]]) -> None:
        """Pass each message of the client to `handle`, until the client closes the connection."""
        while True:
            await handle(await self._client.receive())

    async def _send_events(self) -> None:
        while True:
            message = await self._outbox.get()
            try:
                async with asyncio.timeout(self._limits.send_seconds):
                    await self._client.send(message)
            except TimeoutError as error:
                raise ClientGoneError("The client does not read its events.") from error

    async def _store_messages(self) -> None:
        while True:
            try:
                await self._conversation.store_next()
            except HeadraceError as error:
                await self._outbox.put(error_event(error.message, code="message_not_stored", kind="server_error"))
            except DBAPIError as error:
                log.warning("a message of a voice session was not stored: %s", error)
                message = "A message was not stored, because the database is not available."
                await self._outbox.put(error_event(message, code="message_not_stored", kind="server_error"))

    async def _limit_time(self) -> None:
        seconds = self._limits.session_seconds
        await asyncio.sleep(seconds)
        message = f"The session has reached its time limit of {seconds:g} s. Open another one to continue."
        await self._outbox.close(error_event(message, code="session_expired"))
        raise SessionEnd(Close(NORMAL, "session_expired"))

    async def _report_failure(self) -> None:
        message = "The session failed because of an internal error. Open another one to continue."
        with contextlib.suppress(ClientGoneError, TimeoutError):
            async with asyncio.timeout(self._limits.send_seconds):
                await self._client.send(error_event(message, code="internal_error", kind="server_error"))


def _first_close(group: BaseExceptionGroup[SessionEnd]) -> Close | None:
    """Return the close frame of the first end in a group."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error.close if isinstance(error, SessionEnd) else None
