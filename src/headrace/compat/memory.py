"""The messages of the owner's sessions, for components that keep or read them by function."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from headrace.compat.current import context_of
from headrace.component.component import ComponentError
from headrace.component.context import HistoryQuery

if TYPE_CHECKING:
    from headrace.schema import Message

#: So many where no limit is named.
_MANY = 10_000


async def aget_messages(
    sender: str | None = None,
    sender_name: str | None = None,
    session_id: str | UUID | None = None,
    context_id: str | None = None,
    order_by: str | None = "timestamp",
    order: str | None = "DESC",
    flow_id: UUID | None = None,
    limit: int | None = None,
) -> list[Message]:
    """Return messages of the flow's owner, of this run's session unless another is named, the newest ones, in `order`.

    Raises:
        ComponentError: they are to be sorted by something other than their time.

    """
    if order_by not in ("timestamp", None):
        raise ComponentError(f"Messages are sorted by 'timestamp', not by {order_by!r}.")
    context = context_of("aget_messages")
    query = HistoryQuery(
        session_id=str(session_id or context.session_id),
        limit=limit or _MANY,
        order="ASC" if order == "ASC" else "DESC",
        sender=sender,
        sender_name=sender_name,
        context_id=context_id,
    )
    return await context.history(query)


async def astore_message(message: Message, flow_id: str | UUID | None = None) -> list[Message]:
    """Keep a message in its session.

    Raises:
        ValueError: it has no session, or nobody said it.

    """
    context = context_of("astore_message")
    if not (message.session_id and message.sender and message.sender_name):
        raise ValueError("A message that is kept needs a session_id, a sender and a sender_name.")
    message.flow_id = str(flow_id) if flow_id else message.flow_id or context.flow_id
    await context.store(message)
    return [message]


async def delete_message(id_: str) -> None:
    """Refuse: what was said stays until its owner deletes it.

    Raises:
        ComponentError: always.

    """
    raise ComponentError("Components do not delete messages. Their owner does, at /api/v1/monitor/messages.")
