"""Types of the callbacks that component code annotates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from headrace.schema import Message

#: A value that can be written to a component's log.
LoggableType = str | dict[str, Any] | list[Any] | int | float | bool | None


class SendMessageFunctionType(Protocol):
    """Store a message and show it in the chat."""

    async def __call__(self, message: Message, id_: str | None = None, *, skip_db_update: bool = False) -> Message:
        """Return the stored message."""
        ...


class OnTokenFunctionType(Protocol):
    """Handle the chunks of a streamed message."""

    def __call__(self, data: dict[str, Any]) -> None:
        """Handle one chunk."""
        ...
