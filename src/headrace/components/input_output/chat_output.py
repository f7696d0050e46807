"""Chat Output: what the flow answers."""

from collections.abc import AsyncIterator

from headrace.component import BoolInput, Component, DropdownInput, HandleInput, MessageTextInput, Output
from headrace.schema import Data
from headrace.schema.message import SENDER_AI, SENDER_NAME_AI, SENDER_USER, Message
from headrace.schema.properties import Properties, Source
from headrace.schema.records import as_text


class ChatOutput(Component):
    """Shows its input in the chat, token by token where a model still speaks, and stores it."""

    display_name = "Chat Output"
    description = "Shows a message in the chat."
    icon = "MessagesSquare"
    minimized = True
    gives_output = "chat"
    takes_stream = True
    inputs = [
        HandleInput(
            name="input_value",
            display_name="Inputs",
            info="What to show.",
            input_types=["Data", "DataFrame", "Message"],
            required=True,
        ),
        BoolInput(
            name="should_store_message",
            display_name="Store Messages",
            info="Keep it in the session's history.",
            value=True,
            advanced=True,
        ),
        DropdownInput(
            name="sender",
            display_name="Sender Type",
            options=[SENDER_AI, SENDER_USER],
            value=SENDER_AI,
            info="Who says it.",
            advanced=True,
        ),
        MessageTextInput(
            name="sender_name",
            display_name="Sender Name",
            value=SENDER_NAME_AI,
            info="The name shown beside it.",
            advanced=True,
        ),
        MessageTextInput(
            name="session_id", display_name="Session ID", info="Empty for the run's own session.", advanced=True
        ),
        MessageTextInput(
            name="context_id", display_name="Context ID", info="Sets memories apart within a session.", advanced=True
        ),
        MessageTextInput(
            name="data_template",
            display_name="Data Template",
            value="{text}",
            advanced=True,
            info="How a record becomes text; older flows set it.",
        ),
        BoolInput(
            name="clean_data",
            display_name="Basic Clean Data",
            value=True,
            advanced=True,
            info="Drop empty rows and columns of a table.",
        ),
    ]
    outputs = [Output(name="message", display_name="Output Message", method="message_response")]

    async def message_response(self) -> Message:
        """Return the shown message, complete and stored unless that is switched off."""
        given = self.input_value
        message = Message(
            text=_text_of(given),
            sender=self.sender,
            sender_name=self.sender_name,
            session_id=self.session_id or self.context.session_id,
            context_id=self.context_id or "",
            files=given.files if isinstance(given, Message) else [],
            flow_id=self.context.flow_id,
            content_blocks=given.content_blocks if isinstance(given, Message) else [],
            properties=Properties(source=self._source()),
        )
        if isinstance(given, Message) and given.stream is not None:
            await self._speak(given, given.stream, message)
        if message.session_id and self.should_store_message:
            await self.context.store(message)
        self.status = message
        return message

    def _source(self) -> Source:
        if not self.sources:
            return Source()
        source = self.sources[0]
        return Source(id=source.id, display_name=source.display_name, source=source.source_name)

    async def _speak(self, given: Message, stream: AsyncIterator[str], message: Message) -> None:
        message.properties.state = "partial"
        self.context.announce(message)
        chunks: list[str] = []
        async for chunk in stream:
            if not chunk and given.content_blocks:
                # An agent has taken a step.
                self.context.announce(message)
                continue
            chunks.append(chunk)
            self.context.token(chunk, message.id or "")
        message.text = given.text = "".join(chunks)
        given.stream = None
        message.properties.state = "complete"
        if not (message.session_id and self.should_store_message):
            self.context.announce(message)


def _text_of(value: object) -> str:
    is_record = isinstance(value, Data) and not isinstance(value, Message)
    return f"```json\n{as_text(value)}\n```" if is_record else as_text(value)
