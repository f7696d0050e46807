"""Text Input: a text that is not a chat message."""

from headrace.component import Component, MultilineInput, Output
from headrace.schema import Message


class TextInputComponent(Component):
    """Return a text that is entered, connected or sent with the run."""

    name = "TextInput"
    display_name = "Text Input"
    description = "Receives a text, outside the chat."
    icon = "type"
    input_kind = "text"
    blocking = False
    inputs = [MultilineInput(name="input_value", display_name="Text", info="Text to pass on.")]
    outputs = [Output(name="text", display_name="Output Text", method="text_response")]

    def text_response(self) -> Message:
        """Return the text as a message without a session."""
        return Message(text=str(self.input_value), flow_id=self.context.flow_id)
