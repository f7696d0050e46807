"""Parser: records and tables as text."""

from headrace.component import Component, HandleInput, MessageTextInput, MultilineInput, Output, TabInput
from headrace.schema import Message
from headrace.schema.records import as_text, records_of
from headrace.schema.template import fill


class ParserComponent(Component):
    """Writes each record by a template with its fields' `{names}`, or all of it as it is."""

    display_name = "Parser"
    description = "Turns records and tables into text."
    icon = "braces"
    inputs = [
        HandleInput(
            name="input_data",
            display_name="Data or DataFrame",
            input_types=["DataFrame", "Data"],
            required=True,
            info="What becomes text.",
        ),
        TabInput(
            name="mode",
            display_name="Mode",
            options=["Parser", "Stringify"],
            value="Parser",
            real_time_refresh=True,
            info="By a template, or as it is.",
        ),
        MultilineInput(
            name="pattern",
            display_name="Template",
            value="Text: {text}",
            required=True,
            dynamic=True,
            info="A text with the fields' {names}.",
        ),
        MessageTextInput(
            name="sep", display_name="Separator", value="\n", advanced=True, info="What stands between two records."
        ),
    ]
    outputs = [Output(name="parsed_text", display_name="Parsed Text", method="parse_combined_text")]

    def parse_combined_text(self) -> Message:
        """Return the text.

        Raises:
            TemplateError: the template cannot be read.

        """
        if self.mode == "Stringify":
            text = as_text(self.input_data)
        else:
            lines = [
                fill(self.pattern, {k: "" if v is None else str(v) for k, v in record.items()})
                for record in records_of(self.input_data)
            ]
            text = str(self.sep).replace("\\n", "\n").join(lines)
        self.status = text
        return Message(text=text, flow_id=self.context.flow_id)
