"""Functions by which component code reads and stores the messages of the owner's sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from headrace.compat.active_run import current_context
from headrace.component.component import ComponentError
from headrace.component.context import HistoryQuery

if TYPE_CHECKING:
    from headrace.schema import Message

#: The limit of a query that sets none.
MAX_MESSAGES = 10_000


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
    """Return the newest messages of one of the owner's sessions, by default the current one, in the given order.

    Raises:
        ComponentError: `order_by` is not "timestamp".

    """
    if order_by not in ("timestamp", None):
        raise ComponentError(f"Messages cannot be sorted by {order_by!r}. Use 'timestamp'.")
    context = current_context("aget_messages")
    query = HistoryQuery(
        session_id=str(session_id or context.session_id),
        limit=limit or MAX_MESSAGES,
        order="ASC" if order == "ASC" else "DESC",
        sender=sender,
        sender_name=sender_name,
        context_id=context_id,
    )
    return await context.get_messages(query)


async def astore_message(message: Message, flow_id: str | UUID | None = None) -> list[Message]:
    """Store a message in its session, and return it in a list.

    Raises:
        ValueError: the message has no session, sender or sender name.

    """
    context = current_context("astore_message")
    if not (message.session_id and message.sender and message.sender_name):
        raise ValueError("The message cannot be stored. Set its session_id, sender and sender_name.")
    message.flow_id = str(flow_id) if flow_id else message.flow_id or context.flow_id
    await context.save_message(message)
    return [message]


async def delete_message(id_: str) -> None:
    """Reject the call: only the owner deletes messages.

    Raises:
        ComponentError: always.

    """
    raise ComponentError("Components cannot delete messages. The owner can, at /api/v1/monitor/messages.")
