"""Message History: what was said in a session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.component import (
    Component,
    ComponentError,
    DropdownInput,
    HandleInput,
    IntInput,
    MessageTextInput,
    MultilineInput,
    Output,
    TabInput,
)
from headrace.component.context import HistoryQuery
from headrace.schema.message import SENDER_AI, SENDER_NAME_AI, SENDER_NAME_USER, SENDER_USER, Message
from headrace.schema.template import fill

if TYPE_CHECKING:
    from pandas import DataFrame

BOTH = "Machine and User"


class MemoryComponent(Component):
    """Reads a session's messages, or adds one."""

    name = "Memory"
    display_name = "Message History"
    description = "Reads the messages of a session, or stores one."
    icon = "message-square-more"
    inputs = [
        TabInput(
            name="mode",
            display_name="Mode",
            options=["Retrieve", "Store"],
            value="Retrieve",
            real_time_refresh=True,
            info="Read or store.",
        ),
        MessageTextInput(
            name="message", display_name="Message", info="What to store.", tool_mode=True, dynamic=True, show=False
        ),
        HandleInput(
            name="memory",
            display_name="External Memory",
            input_types=["Memory"],
            advanced=True,
            info="A memory to use in place of the server's own.",
        ),
        DropdownInput(
            name="sender_type",
            display_name="Sender Type",
            options=[SENDER_AI, SENDER_USER, BOTH],
            value=BOTH,
            advanced=True,
            info="Whose messages to read.",
        ),
        MessageTextInput(name="sender", display_name="Sender", advanced=True, info="Who says what is stored."),
        MessageTextInput(
            name="sender_name",
            display_name="Sender Name",
            advanced=True,
            show=False,
            info="Only messages under this name.",
        ),
        IntInput(
            name="n_messages",
            display_name="Number of Messages",
            value=100,
            advanced=True,
            info="At most so many, the newest.",
        ),
        MessageTextInput(
            name="session_id", display_name="Session ID", advanced=True, info="Empty for the run's own session."
        ),
        MessageTextInput(
            name="context_id", display_name="Context ID", advanced=True, info="Only messages of this context."
        ),
        DropdownInput(
            name="order",
            display_name="Order",
            options=["Ascending", "Descending"],
            value="Ascending",
            required=True,
            advanced=True,
            tool_mode=True,
            info="Oldest or newest first.",
        ),
        MultilineInput(
            name="template",
            display_name="Template",
            value="{sender_name}: {text}",
            advanced=True,
            show=False,
            info="How a message becomes a line: {text}, {sender}, {sender_name} or any other of its fields.",
        ),
    ]
    outputs = [
        Output(name="messages_text", display_name="Message", method="retrieve_messages_as_text"),
        Output(name="dataframe", display_name="Dataframe", method="retrieve_messages_dataframe"),
    ]

    async def retrieve_messages_as_text(self) -> Message:
        """Return the session's messages as lines of text, or in mode Store the message that was stored."""
        if self.mode == "Store":
            return await self._store()
        lines = [fill(self.template, _fields(message)) for message in await self.retrieve_messages()]
        return Message(text="\n".join(lines), flow_id=self.context.flow_id)

    async def retrieve_messages_dataframe(self) -> DataFrame:
        """Return the session's messages as a table, a row each."""
        from headrace.schema.table import dataframe

        messages = [await self._store()] if self.mode == "Store" else await self.retrieve_messages()
        return dataframe([message.to_data() for message in messages])

    async def retrieve_messages(self) -> list[Message]:
        """Return the session's messages.

        Raises:
            ComponentError: they are to come from an external memory.

        """
        if self.memory:
            raise ComponentError(
                "Message History cannot read an external memory here. Disconnect it to use the server's own."
            )
        if self.n_messages is not None and int(self.n_messages or 0) <= 0:
            return []
        return await self.context.history(
            HistoryQuery(
                session_id=self.session_id or self.context.session_id,
                limit=int(self.n_messages),
                order="DESC" if self.order == "Descending" else "ASC",
                sender=None if self.sender_type == BOTH else self.sender_type,
                sender_name=self.sender_name or None,
                context_id=self.context_id or None,
            )
        )

    async def _store(self) -> Message:
        sender = self.sender or SENDER_AI
        message = Message(
            text=self.message,
            sender=sender,
            sender_name=self.sender_name or (SENDER_NAME_USER if sender == SENDER_USER else SENDER_NAME_AI),
            session_id=self.session_id or self.context.session_id,
            context_id=self.context_id or "",
            flow_id=self.context.flow_id,
        )
        await self.context.store(message)
        return message


def _fields(message: Message) -> dict[str, str]:
    return {
        name: str(value) for name, value in message.model_dump(exclude={"data", "stream"}).items() if value is not None
    }
