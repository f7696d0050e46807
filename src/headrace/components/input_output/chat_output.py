"""Chat Output: shows the answer of a flow in the chat."""

from collections.abc import AsyncIterator

from headrace.component import BoolInput, Component, DropdownInput, HandleInput, MessageTextInput, Output
from headrace.models.usage import usage_of_vertex
from headrace.schema.message import SENDER_AI, SENDER_NAME_AI, SENDER_USER, Message
from headrace.schema.properties import Properties, Source
from headrace.schema.records import as_text


class ChatOutput(Component):
    """Show the input in the chat, token by token if it is a stream, and store it in the session."""

    display_name = "Chat Output"
    description = "Shows a message in the chat."
    icon = "MessagesSquare"
    minimized = True
    output_kind = "chat"
    accepts_stream = True
    inputs = [
        HandleInput(
            name="input_value",
            display_name="Inputs",
            info="Message, Data or DataFrame to show.",
            input_types=["Data", "DataFrame", "Message"],
            required=True,
        ),
        BoolInput(
            name="should_store_message",
            display_name="Store Messages",
            info="Store the message in the history of the session.",
            value=True,
            advanced=True,
        ),
        DropdownInput(
            name="sender",
            display_name="Sender Type",
            options=[SENDER_AI, SENDER_USER],
            value=SENDER_AI,
            info="Type of the sender: a user or a machine.",
            advanced=True,
        ),
        MessageTextInput(
            name="sender_name",
            display_name="Sender Name",
            value=SENDER_NAME_AI,
            info="Name of the sender, as the chat shows it.",
            advanced=True,
        ),
        MessageTextInput(
            name="session_id",
            display_name="Session ID",
            info="Session that the message belongs to. Empty for the session of the run.",
            advanced=True,
        ),
        MessageTextInput(
            name="context_id",
            display_name="Context ID",
            info="Separates message histories within a session. Empty for none.",
            advanced=True,
        ),
        MessageTextInput(
            name="data_template",
            display_name="Data Template",
            value="{text}",
            advanced=True,
            info="Has no effect. Data is shown as JSON.",
        ),
        BoolInput(
            name="clean_data",
            display_name="Basic Clean Data",
            value=True,
            advanced=True,
            info="Has no effect. Tables are shown with all rows and columns.",
        ),
    ]
    outputs = [Output(name="message", display_name="Output Message", method="message_response")]

    async def message_response(self) -> Message:
        """Return the complete message, and store it unless Store Messages is off."""
        value = self.input_value
        message = Message(
            text=as_text(value),
            sender=self.sender,
            sender_name=self.sender_name,
            session_id=self.session_id or self.context.session_id,
            context_id=self.context_id or "",
            files=value.files if isinstance(value, Message) else [],
            flow_id=self.context.flow_id,
            content_blocks=value.content_blocks if isinstance(value, Message) else [],
            properties=Properties(source=self._source()),
        )
        if isinstance(value, Message) and value.stream is not None:
            await self._stream(value, value.stream, message)
        self._add_usage(message)
        if message.session_id and self.should_store_message:
            await self.context.save_message(message)
        self.status = message
        return message

    def _source(self) -> Source:
        if not self.sources:
            return Source()
        source = self.sources[0]
        return Source(id=source.id, display_name=source.display_name, source=source.source_name)

    def _add_usage(self, message: Message) -> None:
        """Add the tokens of the component that wrote the text."""
        usage = usage_of_vertex(message.properties.source.id) if message.properties.source.id else None
        if usage is not None:
            message.properties.usage = usage.to_json()

    async def _stream(self, source: Message, stream: AsyncIterator[str], message: Message) -> None:
        """Emit the chunks of a stream, and set the text of the source and of the shown message to the whole."""
        message.properties.state = "partial"
        self.context.emit_message(message)
        chunks: list[str] = []
        async for chunk in stream:
            if not chunk and source.content_blocks:
                # An empty chunk signals that an agent has completed a step.
                self.context.emit_message(message)
                continue
            chunks.append(chunk)
            self.context.emit_token(chunk, message.id or "")
        message.text = source.text = "".join(chunks)
        source.stream = None
        message.properties.state = "complete"
        self._add_usage(message)
        if not (message.session_id and self.should_store_message):
            self.context.emit_message(message)
