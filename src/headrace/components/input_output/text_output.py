"""Text Output: an answer outside the chat."""

from headrace.component import Component, MultilineInput, Output
from headrace.schema import Message


class TextOutputComponent(Component):
    """Gives a text as the run's answer without storing it in a session."""

    name = "TextOutput"
    display_name = "Text Output"
    description = "Gives a text as the answer."
    icon = "type"
    gives_output = "text"
    blocking = False
    inputs = [MultilineInput(name="input_value", display_name="Inputs", info="The text.")]
    outputs = [Output(name="text", display_name="Output Text", method="text_response")]

    def text_response(self) -> Message:
        """Return the text as a message that belongs to no session."""
        self.status = self.input_value
        return Message(text=str(self.input_value), flow_id=self.context.flow_id)
