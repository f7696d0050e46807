"""Text Output: an answer that is not a chat message."""

from headrace.component import Component, MultilineInput, Output
from headrace.schema import Message


class TextOutputComponent(Component):
    """Return a text as the run's answer without storing it in a session."""

    name = "TextOutput"
    display_name = "Text Output"
    description = "Returns a text as the answer of the flow, outside the chat."
    icon = "type"
    output_kind = "text"
    blocking = False
    inputs = [MultilineInput(name="input_value", display_name="Inputs", info="Text to return.")]
    outputs = [Output(name="text", display_name="Output Text", method="text_response")]

    def text_response(self) -> Message:
        """Return the text as a message without a session."""
        self.status = self.input_value
        return Message(text=str(self.input_value), flow_id=self.context.flow_id)
