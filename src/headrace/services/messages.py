"""Messages and sessions: the rules for reading, changing and deleting them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from headrace.db import messages, tables
from headrace.db.messages import MessageFilter
from headrace.db.row_batches import RowBatches
from headrace.errors import NotFoundError

if TYPE_CHECKING:
    from sqlalchemy import RowMapping

    from headrace.db.database import Database
    from headrace.db.message_quota import MessageQuota

#: Messages that one request lists at most.
MAX_LISTED_MESSAGES = 100_000
#: Messages that one request deletes at most.
MAX_MESSAGES = 10_000


class MessageService:
    """Reads and writes the messages of each owner."""

    def __init__(self, database: Database, quota: MessageQuota) -> None:
        self._database = database
        self._quota = quota

    async def list_messages(
        self,
        owner: UUID,
        message_filter: MessageFilter,
        *,
        limit: int = MAX_LISTED_MESSAGES,
        order_by: str = "timestamp",
        descending: bool = False,
        before: UUID | None = None,
    ) -> RowBatches:
        """Return the owner's newest messages that match a filter.

        Args:
            owner: the messages' owner.
            message_filter: the messages to return.
            limit: the maximum number of messages.
            order_by: the column that orders the result.
            descending: whether the order is descending.
            before: the id of a message; only older messages are returned.

        """
        async with self._database.connect() as connection:
            keys = await messages.list_keys(
                connection, owner, message_filter, limit=limit, order_by=order_by, before=before
            )
        return RowBatches(self._database, owner, tables.messages.c.id, keys[::-1] if descending else keys)

    async def update_message(self, owner: UUID, message_id: UUID, columns: Mapping[str, Any]) -> RowMapping:
        """Set columns of a message and return its row. A new text marks the message as edited.

        Raises:
            NotFoundError: The owner has no message with this id.
            QuotaError: The owner's messages would be too large.

        """
        # The size of the old text is not subtracted until the size of all messages is measured again.
        await self._quota.add(owner, sum(len(str(value)) for value in columns.values()))
        row = await self._database.write(lambda c: messages.change(c, owner, message_id, dict(columns)))
        if row is None:
            raise NotFoundError("Message not found")
        return row

    async def delete_messages(self, owner: UUID, message_ids: list[UUID]) -> None:
        """Delete the owner's messages among `message_ids`."""
        await self._database.write(lambda c: messages.remove(c, owner, message_ids))
        self._quota.forget(owner)

    async def list_sessions(self, owner: UUID, flow_id: UUID | None, *, limit: int) -> list[str]:
        """Return the names of the owner's sessions, of one flow or of all flows, in alphabetical order."""
        async with self._database.connect() as connection:
            return await messages.sessions(connection, owner, flow_id, limit=limit)

    async def rename_session(self, owner: UUID, old_name: str, new_name: str) -> RowBatches:
        """Rename a session and return its newest messages, oldest first.

        Raises:
            NotFoundError: The owner has no messages in a session with the old name.

        """
        if not await self._database.write(lambda c: messages.rename_session(c, owner, old_name, new_name)):
            raise NotFoundError("No messages found with the given session ID")
        return await self.list_messages(owner, MessageFilter(session_ids={new_name}), limit=MAX_MESSAGES)

    async def delete_session(self, owner: UUID, name: str) -> None:
        """Delete a session with its messages."""
        await self._database.write(lambda c: messages.remove_session(c, owner, name))
        self._quota.forget(owner)
