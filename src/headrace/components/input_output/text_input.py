"""Text Input: a text from outside the chat."""

from headrace.component import Component, MultilineInput, Output
from headrace.schema import Message


class TextInputComponent(Component):
    """Hands on a text that was typed in, connected, or sent with the run."""

    name = "TextInput"
    display_name = "Text Input"
    description = "Takes a text."
    icon = "type"
    takes_input = "text"
    blocking = False
    inputs = [MultilineInput(name="input_value", display_name="Text", info="The text.")]
    outputs = [Output(name="text", display_name="Output Text", method="text_response")]

    def text_response(self) -> Message:
        """Return the text as a message that belongs to no session."""
        return Message(text=str(self.input_value), flow_id=self.context.flow_id)
