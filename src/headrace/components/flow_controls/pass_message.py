"""Pass: waits for one message and hands another on."""

from headrace.component import Component, MessageInput, Output
from headrace.schema import Message


class PassMessageComponent(Component):
    """Hands a message on once a second one has come, which is passed over."""

    name = "Pass"
    display_name = "Pass"
    description = "Hands a message on unchanged."
    icon = "arrow-right"
    legacy = True
    blocking = False
    inputs = [
        MessageInput(name="input_message", display_name="Input Message", required=True, info="What is handed on."),
        MessageInput(
            name="ignored_message",
            display_name="Ignored Message",
            advanced=True,
            info="What is waited for, and passed over.",
        ),
    ]
    outputs = [Output(name="output_message", display_name="Output Message", method="pass_message")]

    def pass_message(self) -> Message:
        """Return the message as it came."""
        message = self.input_message
        self.status = message
        return message if isinstance(message, Message) else Message(text=str(message or ""))
