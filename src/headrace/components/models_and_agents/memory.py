"""Message History: reads or stores the messages of a session."""

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
from headrace.schema.message import SENDER_AI, SENDER_NAME_AI, SENDER_NAME_USER, SENDER_USER, Message, files_of
from headrace.schema.template import render
from headrace.schema.text_size import join_texts

if TYPE_CHECKING:
    from pandas import DataFrame

ALL_SENDERS = "Machine and User"


class MemoryComponent(Component):
    """Return the messages of a session, or store a message."""

    name = "Memory"
    display_name = "Message History"
    description = "Reads the messages of a session, or stores a message."
    icon = "message-square-more"
    inputs = [
        TabInput(
            name="mode",
            display_name="Mode",
            options=["Retrieve", "Store"],
            value="Retrieve",
            real_time_refresh=True,
            info="Retrieve reads messages, Store adds a message.",
        ),
        MessageTextInput(
            name="message",
            display_name="Message",
            info="Text of the message to store.",
            tool_mode=True,
            dynamic=True,
            show=False,
        ),
        HandleInput(
            name="memory",
            display_name="External Memory",
            input_types=["Memory"],
            advanced=True,
            info="Not supported. Leave it unconnected to use the server's message history.",
        ),
        DropdownInput(
            name="sender_type",
            display_name="Sender Type",
            options=[SENDER_AI, SENDER_USER, ALL_SENDERS],
            value=ALL_SENDERS,
            advanced=True,
            info="Read only messages from senders of this type.",
        ),
        MessageTextInput(
            name="sender",
            display_name="Sender",
            advanced=True,
            info="Type of the sender of the stored message. Empty for Machine.",
        ),
        MessageTextInput(
            name="sender_name",
            display_name="Sender Name",
            advanced=True,
            show=False,
            info="Name of the sender: read only messages with this name, or store the message with it.",
        ),
        IntInput(
            name="n_messages",
            display_name="Number of Messages",
            value=100,
            advanced=True,
            info="Maximum number of messages to read. The newest messages are read.",
        ),
        MessageTextInput(
            name="session_id",
            display_name="Session ID",
            advanced=True,
            info="Session to read or to store in. Empty for the session of the run.",
        ),
        MessageTextInput(
            name="context_id",
            display_name="Context ID",
            advanced=True,
            info="Read only messages of this context, or store the message in it. Empty for none.",
        ),
        DropdownInput(
            name="order",
            display_name="Order",
            options=["Ascending", "Descending"],
            value="Ascending",
            required=True,
            advanced=True,
            tool_mode=True,
            info="Ascending returns the oldest message first, Descending the newest.",
        ),
        MultilineInput(
            name="template",
            display_name="Template",
            value="{sender_name}: {text}",
            advanced=True,
            show=False,
            info="Format of each message in the text, with placeholders such as {text}, {sender} and {sender_name}.",
        ),
    ]
    outputs = [
        Output(name="messages_text", display_name="Message", method="retrieve_messages_as_text"),
        Output(name="dataframe", display_name="Dataframe", method="retrieve_messages_dataframe"),
    ]

    async def retrieve_messages_as_text(self) -> Message:
        """Return the session's messages as lines of text, or in mode Store the stored message."""
        if self.mode == "Store":
            return await self._store()
        messages = await self.retrieve_messages()
        lines = (render(self.template, _fields(message)) for message in messages)
        files = files_of(message for message in messages if message.sender != SENDER_AI)
        return Message(text=join_texts(lines, "\n"), flow_id=self.context.flow_id, files=files)

    async def retrieve_messages_dataframe(self) -> DataFrame:
        """Return a table with a row for each message of the session."""
        from headrace.schema.table import dataframe

        messages = [await self._store()] if self.mode == "Store" else await self.retrieve_messages()
        return dataframe([message.to_data() for message in messages])

    async def retrieve_messages(self) -> list[Message]:
        """Return the session's messages.

        Raises:
            ComponentError: an external memory is connected.

        """
        if self.memory:
            raise ComponentError(
                "Message History does not support external memories. Disconnect External Memory to use the server's own."
            )
        if self.n_messages is not None and int(self.n_messages or 0) <= 0:
            return []
        return await self.context.get_messages(
            HistoryQuery(
                session_id=self.session_id or self.context.session_id,
                limit=int(self.n_messages),
                order="DESC" if self.order == "Descending" else "ASC",
                sender=None if self.sender_type == ALL_SENDERS else self.sender_type,
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
        await self.context.save_message(message)
        return message


def _fields(message: Message) -> dict[str, str]:
    return {
        name: str(value) for name, value in message.model_dump(exclude={"data", "stream"}).items() if value is not None
    }
