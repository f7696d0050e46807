"""Parser: converts data and tables to text."""

from headrace.component import Component, HandleInput, MessageTextInput, MultilineInput, Output, TabInput
from headrace.schema import Message
from headrace.schema.records import as_text, records_of
from headrace.schema.template import render
from headrace.schema.text_size import join_texts


class ParserComponent(Component):
    """Format each record with a template, or convert the whole input to text."""

    display_name = "Parser"
    description = "Converts data and tables to text."
    icon = "braces"
    inputs = [
        HandleInput(
            name="input_data",
            display_name="Data or DataFrame",
            input_types=["DataFrame", "Data"],
            required=True,
            info="Data or table to convert.",
        ),
        TabInput(
            name="mode",
            display_name="Mode",
            options=["Parser", "Stringify"],
            value="Parser",
            real_time_refresh=True,
            info="Parser formats each record with the template, Stringify converts the whole input.",
        ),
        MultilineInput(
            name="pattern",
            display_name="Template",
            value="Text: {text}",
            required=True,
            dynamic=True,
            info="Format of each record, with its keys as placeholders, such as {text}.",
        ),
        MessageTextInput(
            name="sep",
            display_name="Separator",
            value="\n",
            advanced=True,
            info="Text between two records. \\n is a line break.",
        ),
    ]
    outputs = [Output(name="parsed_text", display_name="Parsed Text", method="parse_combined_text")]

    def parse_combined_text(self) -> Message:
        """Return the text of all records.

        Raises:
            TemplateError: the template is not valid.

        """
        if self.mode == "Stringify":
            text = as_text(self.input_data)
        else:
            lines = (
                render(self.pattern, {k: "" if v is None else str(v) for k, v in record.items()})
                for record in records_of(self.input_data)
            )
            text = join_texts(lines, str(self.sep).replace("\\n", "\n"))
        self.status = text
        return Message(text=text, flow_id=self.context.flow_id)
