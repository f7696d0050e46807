"""Conversations of the OpenAI API: sessions with a list of items."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from headrace.db import conversations
from headrace.db.quotas import Quota
from headrace.db.tables import conversations as conversation_table
from headrace.formats.openai.errors import ObjectNotFoundError, ParameterError
from headrace.formats.openai.pages import page
from headrace.formats.openai.response_items import check_item_ids

if TYPE_CHECKING:
    from sqlalchemy import RowMapping
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headrace.db.database import Database
    from headrace.formats.openai.pages import PageRequest
    from headrace.settings import LimitSettings

CONVERSATION_PREFIX = "conv_"


class ConversationService:
    """Stores the conversations of each owner."""

    def __init__(self, database: Database, limits: LimitSettings) -> None:
        self._database = database
        self._quota = Quota(conversation_table, "conversations", limits.max_conversations, "HEADRACE_MAX_CONVERSATIONS")
        self._max_bytes = limits.max_conversation_bytes

    async def create(self, owner: UUID, labels: dict[str, str], items: Sequence[dict[str, Any]]) -> RowMapping:
        """Store a conversation with items and return its row.

        Raises:
            ParameterError: The id of an item is too long or repeated.
            QuotaError: The owner has too many conversations, or too many items in them.

        """
        check_item_ids(items, "items")
        conversation_id = f"{CONVERSATION_PREFIX}{uuid4().hex}"

        async def add(connection: AsyncConnection) -> RowMapping:
            await self._quota.check(connection, owner)
            row = await conversations.add(connection, owner, conversation_id, labels)
            await self._add_items(connection, owner, conversation_id, items)
            return row

        return await self._database.write(add)

    async def get(self, owner: UUID, conversation_id: str) -> RowMapping:
        """Return one of the owner's conversations.

        Raises:
            ObjectNotFoundError: The owner has no such conversation.

        """
        async with self._database.connect() as connection:
            return _found(await conversations.get(connection, owner, conversation_id), conversation_id)

    async def change(self, owner: UUID, conversation_id: str, labels: dict[str, str]) -> RowMapping:
        """Replace the metadata of one of the owner's conversations and return its row.

        Raises:
            ObjectNotFoundError: The owner has no such conversation.

        """
        row = await self._database.write(lambda c: conversations.change(c, owner, conversation_id, labels))
        return _found(row, conversation_id)

    async def delete(self, owner: UUID, conversation_id: str) -> None:
        """Delete one of the owner's conversations with its items.

        Raises:
            ObjectNotFoundError: The owner has no such conversation.

        """
        if not await self._database.write(lambda c: conversations.remove(c, owner, conversation_id)):
            raise ObjectNotFoundError("conversation", conversation_id)

    async def add_items(self, owner: UUID, conversation_id: str, items: Sequence[dict[str, Any]]) -> None:
        """Add items to one of the owner's conversations.

        Raises:
            ObjectNotFoundError: The owner has no such conversation.
            ParameterError: The id of an item is too long or repeated.
            QuotaError: The owner has too many items.

        """
        check_item_ids(items, "items")

        async def add(connection: AsyncConnection) -> None:
            _found(await conversations.get(connection, owner, conversation_id), conversation_id)
            await self._add_items(connection, owner, conversation_id, items)

        await self._database.write(add)

    async def list_items(self, owner: UUID, conversation_id: str, request: PageRequest) -> dict[str, Any]:
        """Return a page of the items of one of the owner's conversations.

        Raises:
            ObjectNotFoundError: The owner has no such conversation.
            ParameterError: `after` is not the id of an item.

        """
        async with self._database.connect() as connection:
            _found(await conversations.get(connection, owner, conversation_id), conversation_id)
            after = request.after
            if after is not None and await conversations.get_item(connection, owner, conversation_id, after) is None:
                raise ParameterError("after", f"'after' is not the id of an item in this conversation: '{after}'.")
            items = await conversations.list_items(
                connection,
                owner,
                conversation_id,
                after=after,
                descending=request.order == "desc",
                limit=request.limit + 1,
            )
        return page(items[: request.limit], has_more=len(items) > request.limit)

    async def get_item(self, owner: UUID, conversation_id: str, item_id: str) -> dict[str, Any]:
        """Return an item of one of the owner's conversations.

        Raises:
            ObjectNotFoundError: The owner has no such conversation, or no such item is in it.

        """
        async with self._database.connect() as connection:
            _found(await conversations.get(connection, owner, conversation_id), conversation_id)
            item = await conversations.get_item(connection, owner, conversation_id, item_id)
        if item is None:
            raise ObjectNotFoundError("item", item_id)
        return item

    async def delete_item(self, owner: UUID, conversation_id: str, item_id: str) -> RowMapping:
        """Delete an item of one of the owner's conversations, and return the conversation.

        Raises:
            ObjectNotFoundError: The owner has no such conversation, or no such item is in it.

        """
        row = await self.get(owner, conversation_id)
        if not await self._database.write(lambda c: conversations.remove_item(c, owner, conversation_id, item_id)):
            raise ObjectNotFoundError("item", item_id)
        return row

    async def _add_items(
        self, connection: AsyncConnection, owner: UUID, conversation_id: str, items: Sequence[dict[str, Any]]
    ) -> None:
        if items:
            await conversations.check_size(connection, owner, items, self._max_bytes)
            await conversations.add_items(connection, owner, conversation_id, items)


def _found(row: RowMapping | None, conversation_id: str) -> RowMapping:
    if row is None:
        raise ObjectNotFoundError("conversation", conversation_id)
    return row
