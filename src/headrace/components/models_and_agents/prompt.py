"""Prompt Template: a text with placeholders."""

from headrace.component import Component, MessageTextInput, Output, PromptInput
from headrace.schema import Data, Message
from headrace.schema.message import files_of
from headrace.schema.template import render
from headrace.schema.text_size import join_texts


class PromptComponent(Component):
    """Replace the `{names}` of a template by the values of fields with these names. `{{` is a literal brace."""

    name = "Prompt Template"
    display_name = "Prompt Template"
    description = "Fills the placeholders of a template with values."
    icon = "braces"
    blocking = False
    inputs = [
        PromptInput(
            name="template",
            display_name="Template",
            info="Text with placeholders such as {name}. Each placeholder becomes a field. Write {{ and }} for literal braces.",
        ),
        MessageTextInput(
            name="tool_placeholder",
            display_name="Tool Placeholder",
            tool_mode=True,
            advanced=True,
            info="Argument of the tool, for a prompt in tool mode.",
        ),
    ]
    outputs = [Output(name="prompt", display_name="Prompt", method="build_prompt")]

    def build_prompt(self) -> Message:
        """Return the filled template. A placeholder without a value becomes empty.

        Raises:
            TemplateError: the template has unbalanced braces.

        """
        text = render(self.template, {n: _text_of(v) for n, v in self.values.items() if n != "template"})
        self.status = text
        return Message(text=text, flow_id=self.context.flow_id, files=files_of(self.values.values()))


def _text_of(value: object) -> str:
    if isinstance(value, Data):
        return value.get_text()
    if isinstance(value, list):
        return join_texts((_text_of(item) for item in value), "\n")
    return "" if value is None else str(value)
