"""Responses that stream events for a long time. Users and visitors share their number."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi.responses import StreamingResponse

from headrace.api.errors import error_response
from headrace.errors import RetryLaterError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import Receive, Scope, Send

    from headrace.limits.account import Account
    from headrace.limits.fair_slots import FairSlots

#: The media type of events: JSON lines, each with an empty line after it.
EVENTS_TYPE = "application/x-ndjson"


class TooManyEventStreamsError(RetryLaterError):
    """A user or visitor follows as many builds as one may at the moment."""

    def __init__(self, open_streams: int, max_streams: int) -> None:
        super().__init__(
            f"You have {open_streams} event streams open, as many as you may have at the moment: users and visitors share the "
            f"{max_streams} event streams of the server. Close some and try again; an operator can raise "
            "HEADRACE_MAX_EVENT_STREAMS.",
            seconds=1,
        )


class EventStreamResponse(StreamingResponse):
    """A stream of events that holds a slot from its start to its end."""

    def __init__(self, lines: AsyncIterator[bytes], slots: FairSlots, account: Account) -> None:
        """Create a response.

        Args:
            lines: the lines of the events.
            slots: the slots for all streams of the process.
            account: the account that follows the events.

        """
        super().__init__(lines, media_type=EVENTS_TYPE, headers={"cache-control": "no-cache"})
        self._slots = slots
        self._account = account

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events, or status 429 if the account may not have another stream."""
        if not self._slots.try_acquire(self._account):
            error = TooManyEventStreamsError(self._slots.held_by(self._account), self._slots.total)
            await error_response(error, scope)(scope, receive, send)
            return
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._slots.release(self._account)
