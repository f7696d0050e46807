"""Chat Input: what a person says."""

from headrace.component import BoolInput, Component, DropdownInput, FileInput, MessageTextInput, MultilineInput, Output
from headrace.component.file_types import IMAGE_FILE_TYPES, TEXT_FILE_TYPES
from headrace.schema.message import SENDER_AI, SENDER_NAME_USER, SENDER_USER, Message


class ChatInput(Component):
    """Takes the run's chat input, stores it in the session and hands it on."""

    display_name = "Chat Input"
    description = "Takes what is said in the chat."
    icon = "MessagesSquare"
    minimized = True
    takes_input = "chat"
    inputs = [
        MultilineInput(name="input_value", display_name="Input Text", info="What is said.", input_types=[]),
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
            value=SENDER_USER,
            info="Who says it.",
            advanced=True,
        ),
        MessageTextInput(
            name="sender_name",
            display_name="Sender Name",
            value=SENDER_NAME_USER,
            info="The name shown beside it.",
            advanced=True,
        ),
        MessageTextInput(
            name="session_id", display_name="Session ID", info="Empty for the run's own session.", advanced=True
        ),
        MessageTextInput(
            name="context_id", display_name="Context ID", info="Sets memories apart within a session.", advanced=True
        ),
        FileInput(
            name="files",
            display_name="Files",
            file_types=[*TEXT_FILE_TYPES, *IMAGE_FILE_TYPES],
            info="Files sent along.",
            is_list=True,
            temp_file=True,
            advanced=True,
        ),
    ]
    outputs = [Output(name="message", display_name="Chat Message", method="message_response")]

    async def message_response(self) -> Message:
        """Return what was said, stored in the session unless that is switched off."""
        message = Message(
            text=str(self.input_value or ""),
            sender=self.sender,
            sender_name=self.sender_name,
            session_id=self.session_id or self.context.session_id,
            context_id=self.context_id or "",
            files=[f for f in self.files if isinstance(f, str) and f],
            flow_id=self.context.flow_id,
        )
        if message.session_id and self.should_store_message:
            await self.context.store(message)
        self.status = message
        return message
