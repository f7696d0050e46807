"""If-Else: passes a message to one of two outputs, depending on a comparison."""

from collections.abc import Callable

from headrace.component import (
    BoolInput,
    Component,
    ComponentError,
    DropdownInput,
    IntInput,
    MessageInput,
    MessageTextInput,
    Output,
)
from headrace.parsing.errors import InvalidInputError
from headrace.parsing.parser import utf8
from headrace.schema import Message

_TEXT_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "equals": lambda text, match: text == match,
    "not equals": lambda text, match: text != match,
    "contains": lambda text, match: match in text,
    "starts with": lambda text, match: text.startswith(match),
    "ends with": lambda text, match: text.endswith(match),
}
_NUMBER_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "less than": lambda a, b: a < b,
    "less than or equal": lambda a, b: a <= b,
    "greater than": lambda a, b: a > b,
    "greater than or equal": lambda a, b: a >= b,
}


class ConditionalRouterComponent(Component):
    """Pass a message to the output True or False and close the other output."""

    name = "ConditionalRouter"
    display_name = "If-Else"
    description = "Compares two texts and continues at the output True or False."
    icon = "split"
    inputs = [
        MessageTextInput(name="input_text", display_name="Text Input", required=True, info="Text to compare."),
        DropdownInput(
            name="operator",
            display_name="Operator",
            options=["equals", "not equals", "contains", "starts with", "ends with", "regex", *_NUMBER_OPERATORS],
            value="equals",
            real_time_refresh=True,
            info="How to compare the texts. Less than and greater than compare them as numbers.",
        ),
        MessageTextInput(
            name="match_text",
            display_name="Match Text",
            required=True,
            info="Text, number or regular expression to compare with.",
        ),
        BoolInput(
            name="case_sensitive",
            display_name="Case Sensitive",
            value=True,
            advanced=True,
            info="Distinguish between uppercase and lowercase letters. Has no effect on the operator regex.",
        ),
        MessageInput(
            name="true_case_message",
            display_name="Case True",
            advanced=True,
            info="Message that the output True returns. Empty for the input text.",
        ),
        MessageInput(
            name="false_case_message",
            display_name="Case False",
            advanced=True,
            info="Message that the output False returns. Empty for the input text.",
        ),
        IntInput(
            name="max_iterations",
            display_name="Max Iterations",
            value=10,
            advanced=True,
            info="Has no effect, because flows cannot have cycles. Use a Loop component instead.",
        ),
        DropdownInput(
            name="default_route",
            display_name="Default Route",
            options=["true_result", "false_result"],
            value="false_result",
            advanced=True,
            info="Has no effect. See Max Iterations.",
        ),
    ]
    outputs = [
        Output(name="true_result", display_name="True", method="true_response", group_outputs=True),
        Output(name="false_result", display_name="False", method="false_response", group_outputs=True),
    ]

    async def true_response(self) -> Message:
        """Return the message of the output True and close False if the comparison is true; else close True."""
        return await self._route("true_result", "false_result", self.true_case_message, matches=True)

    async def false_response(self) -> Message:
        """Return the message of the output False and close True if the comparison is false; else close False."""
        return await self._route("false_result", "true_result", self.false_case_message, matches=False)

    async def _route(self, output: str, other_output: str, case_message: object, *, matches: bool) -> Message:
        if await self._compare() is not matches:
            self.stop(output)
            return Message()
        self.stop(other_output)
        message = (
            case_message if isinstance(case_message, Message) else Message(text=str(case_message or self.input_text))
        )
        self.status = message
        return message

    async def _compare(self) -> bool:
        text, match = str(self.input_text), str(self.match_text)
        if self.operator == "regex":
            return await self._matches_pattern(match, text)
        if self.operator in _NUMBER_OPERATORS:
            try:
                return _NUMBER_OPERATORS[self.operator](float(text), float(match))
            except ValueError:
                return False
        if self.operator not in _TEXT_OPERATORS:
            raise ComponentError(f"If-Else has no operator {self.operator!r}. Choose one from the list.")
        if not self.case_sensitive:
            text, match = text.lower(), match.lower()
        return _TEXT_OPERATORS[self.operator](text, match)

    async def _matches_pattern(self, pattern: str, text: str) -> bool:
        try:
            matched = await self.context.parser.call("match_pattern", utf8(text), pattern=pattern)
        except InvalidInputError as error:
            raise ComponentError(
                f"If-Else got an invalid regular expression {pattern!r}: {error.message}. Correct it under Match Text."
            ) from error
        return matched.value is True
