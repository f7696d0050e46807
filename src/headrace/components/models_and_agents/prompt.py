"""Prompt Template: a text with gaps."""

import string

from headrace.component import Component, ComponentError, MessageTextInput, Output, PromptInput
from headrace.schema import Data, Message


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
            ComponentError: the template's braces don't pair up.

        """
        text = fill(self.template, {n: _text_of(v) for n, v in self.values.items() if n != "template"})
        self.status = text
        return Message(text=text, flow_id=self.context.flow_id)


def fill(template: str, values: dict[str, str]) -> str:
    """Return `template` with each `{name}` replaced, by plain text and in one pass.

    Names are only names: an attribute or an index in a gap is refused, so no object is reached into.

    Raises:
        ComponentError: a brace stands alone, or a gap holds more than a name.

    """
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as error:
        raise ComponentError(
            f"The template cannot be read: {error}. Write {{{{ and }}}} for braces that stay."
        ) from error
    filled: list[str] = []
    for literal, gap, spec, conversion in parts:
        filled.append(literal)
        if gap is None:
            continue
        if spec or conversion or not gap.isidentifier():
            raise ComponentError(
                f"{{{gap}}} is no name. A gap holds a name alone; write {{{{ and }}}} for braces that stay."
            )
        filled.append(values.get(gap, ""))
    return "".join(filled)


def _text_of(value: object) -> str:
    if isinstance(value, Data):
        return value.get_text()
    if isinstance(value, list):
        return "\n".join(_text_of(item) for item in value)
    return "" if value is None else str(value)
