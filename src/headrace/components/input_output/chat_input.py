"""Chat Input: the chat message that starts a run."""

from headrace.component import BoolInput, Component, DropdownInput, FileInput, MessageTextInput, MultilineInput, Output
from headrace.component.file_types import IMAGE_FILE_TYPES, TEXT_FILE_TYPES, file_paths
from headrace.models.model_request import current_model_request
from headrace.schema.message import SENDER_AI, SENDER_NAME_USER, SENDER_USER, Message


class ChatInput(Component):
    """Return the run's chat input as a message and store it in the session."""

    display_name = "Chat Input"
    description = "Receives a message from the chat."
    icon = "MessagesSquare"
    minimized = True
    input_kind = "chat"
    inputs = [
        MultilineInput(name="input_value", display_name="Input Text", info="Text of the message.", input_types=[]),
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
            value=SENDER_USER,
            info="Type of the sender: a user or a machine.",
            advanced=True,
        ),
        MessageTextInput(
            name="sender_name",
            display_name="Sender Name",
            value=SENDER_NAME_USER,
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
        FileInput(
            name="files",
            display_name="Files",
            file_types=[*TEXT_FILE_TYPES, *IMAGE_FILE_TYPES],
            info="Files to send with the message.",
            is_list=True,
            temp_file=True,
            advanced=True,
        ),
    ]
    outputs = [Output(name="message", display_name="Chat Message", method="message_response")]

    async def message_response(self) -> Message:
        """Return the message, and store it unless Store Messages is off."""
        message = Message(
            text=str(self.input_value or ""),
            sender=self.sender,
            sender_name=self.sender_name,
            session_id=self.session_id or self.context.session_id,
            context_id=self.context_id or "",
            files=file_paths(self.files) if self.files else [],
            flow_id=self.context.flow_id,
        )
        if message.session_id and self.should_store_message and not _continues_turns():
            await self.context.save_message(message)
        self.status = message
        return message


def _continues_turns() -> bool:
    """Return whether the run has no message of a user, but the result of a tool that the caller executed."""
    request = current_model_request.get()
    return request is not None and request.options.continues_turns
