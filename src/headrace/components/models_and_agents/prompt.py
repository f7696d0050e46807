"""Prompt Template: a text with gaps."""

from headrace.component import Component, MessageTextInput, Output, PromptInput
from headrace.schema import Data, Message
from headrace.schema.template import fill


class PromptComponent(Component):
    """Fills the `{names}` of a template; each name is a field of its own. `{{` stands for a brace."""

    name = "Prompt Template"
    formerly = ("Prompt",)
    display_name = "Prompt Template"
    description = "Fills the gaps of a template."
    icon = "braces"
    blocking = False
    inputs = [
        PromptInput(name="template", display_name="Template", info="A text with {names} to fill."),
        MessageTextInput(
            name="tool_placeholder",
            display_name="Tool Placeholder",
            tool_mode=True,
            advanced=True,
            info="What an agent passes where this is a tool.",
        ),
    ]
    outputs = [Output(name="prompt", display_name="Prompt", method="build_prompt")]

    def build_prompt(self) -> Message:
        """Return the filled template; a gap without a value becomes empty.

        Raises:
            TemplateError: the template's braces don't pair up.

        """
        text = fill(self.template, {n: _text_of(v) for n, v in self.values.items() if n != "template"})
        self.status = text
        return Message(text=text, flow_id=self.context.flow_id)


def _text_of(value: object) -> str:
    if isinstance(value, Data):
        return value.get_text()
    if isinstance(value, list):
        return "\n".join(_text_of(item) for item in value)
    return "" if value is None else str(value)
