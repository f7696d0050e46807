"""Stores both sides of a conversation as messages, in order and apart from the audio."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from sqlalchemy.exc import DBAPIError

from headrace.db import messages, tables
from headrace.errors import HeadraceError
from headrace.schema.message import SENDER_AI, SENDER_NAME_AI, SENDER_NAME_USER, SENDER_USER, Message

if TYPE_CHECKING:
    from headrace.db.database import Database
    from headrace.db.message_quota import MessageQuota

log = logging.getLogger(__name__)

#: Messages that wait to be stored. Beyond it, `add` waits.
MAX_WAITING_MESSAGES = 64
#: Characters of a stored message.
MAX_MESSAGE_CHARACTERS = 1_000_000


class ConversationLog:
    """The messages of one session."""

    def __init__(self, database: Database, quota: MessageQuota, owner: UUID, flow_id: UUID, session_id: str) -> None:
        self._database = database
        self._quota = quota
        self._owner = owner
        self._flow_id = flow_id
        self._session_id = session_id
        self._waiting: asyncio.Queue[Message] = asyncio.Queue(MAX_WAITING_MESSAGES)
        self._storing: asyncio.Future[None] | None = None

    async def add_user(self, text: str) -> None:
        """Queue a message of the user."""
        await self._add(text, SENDER_USER, SENDER_NAME_USER)

    async def add_answer(self, text: str) -> None:
        """Queue a message of the model or flow."""
        await self._add(text, SENDER_AI, SENDER_NAME_AI)

    async def _add(self, text: str, sender: str, name: str) -> None:
        text = text.strip()[:MAX_MESSAGE_CHARACTERS]
        if text:
            message = Message(
                id=str(uuid4()),
                text=text,
                sender=sender,
                sender_name=name,
                session_id=self._session_id,
                flow_id=str(self._flow_id),
            )
            await self._waiting.put(message)

    async def store_next(self) -> None:
        """Store the next message, waiting for one.

        Raises:
            HeadraceError: It cannot be stored, for example because the user's messages would be too large.

        """
        message = await self._waiting.get()
        self._storing = asyncio.ensure_future(self._store(message))
        # The end of the session, which `flush` follows, does not lose the message.
        await asyncio.shield(self._storing)

    async def flush(self) -> None:
        """Store the messages that are left at the end of the session."""
        try:
            if self._storing is not None and not self._storing.done():
                await self._storing
            while not self._waiting.empty():
                await self._store(self._waiting.get_nowait())
        except (HeadraceError, DBAPIError) as error:
            log.warning("a message of a voice session was not stored: %s", error)

    async def _store(self, message: Message) -> None:
        row = messages.to_row(message, self._owner)
        await self._quota.add(self._owner, len(message.text.encode()))
        await self._database.writer.insert_rows([(tables.messages, row)])
