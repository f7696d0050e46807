"""Pass: passes a message on after a second message has arrived."""

from headrace.component import Component, MessageInput, Output
from headrace.schema import Message


class PassMessageComponent(Component):
    """Pass a message on once a second message, which is ignored, has arrived."""

    name = "Pass"
    display_name = "Pass"
    description = "Passes a message on unchanged."
    icon = "arrow-right"
    legacy = True
    blocking = False
    inputs = [
        MessageInput(name="input_message", display_name="Input Message", required=True, info="Message to pass on."),
        MessageInput(
            name="ignored_message",
            display_name="Ignored Message",
            advanced=True,
            info="Message to wait for. Its content is ignored.",
        ),
    ]
    outputs = [Output(name="output_message", display_name="Output Message", method="pass_message")]

    def pass_message(self) -> Message:
        """Return the input message unchanged."""
        message = self.input_message
        self.status = message
        return message if isinstance(message, Message) else Message(text=str(message or ""))
