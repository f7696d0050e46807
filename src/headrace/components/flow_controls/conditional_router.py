"""If-Else: one of two ways, by comparing texts."""

from collections.abc import Callable

import regex

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
from headrace.schema import Message

#: A pattern that backtracks for longer is given up, seconds.
PATIENCE = 1.0

_TEXTS: dict[str, Callable[[str, str], bool]] = {
    "equals": lambda text, match: text == match,
    "not equals": lambda text, match: text != match,
    "contains": lambda text, match: match in text,
    "starts with": lambda text, match: text.startswith(match),
    "ends with": lambda text, match: text.endswith(match),
}
_NUMBERS: dict[str, Callable[[float, float], bool]] = {
    "less than": lambda a, b: a < b,
    "less than or equal": lambda a, b: a <= b,
    "greater than": lambda a, b: a > b,
    "greater than or equal": lambda a, b: a >= b,
}


class ConditionalRouterComponent(Component):
    """Hands a message on to True or to False; what hangs on the other one does not run."""

    name = "ConditionalRouter"
    display_name = "If-Else"
    description = "Goes one of two ways by comparing a text."
    icon = "split"
    inputs = [
        MessageTextInput(name="input_text", display_name="Text Input", required=True, info="What is compared."),
        DropdownInput(
            name="operator",
            display_name="Operator",
            options=["equals", "not equals", "contains", "starts with", "ends with", "regex", *_NUMBERS],
            value="equals",
            real_time_refresh=True,
            info="How. Less and greater compare numbers.",
        ),
        MessageTextInput(name="match_text", display_name="Match Text", required=True, info="What it is compared with."),
        BoolInput(
            name="case_sensitive",
            display_name="Case Sensitive",
            value=True,
            advanced=True,
            info="Whether A and a differ. A pattern says so itself.",
        ),
        MessageInput(
            name="true_case_message",
            display_name="Case True",
            advanced=True,
            info="What True gives; empty for the text.",
        ),
        MessageInput(
            name="false_case_message",
            display_name="Case False",
            advanced=True,
            info="What False gives; empty for the text.",
        ),
        IntInput(
            name="max_iterations",
            display_name="Max Iterations",
            value=10,
            advanced=True,
            info="How often a circle may come by here.",
        ),
        DropdownInput(
            name="default_route",
            display_name="Default Route",
            options=["true_result", "false_result"],
            value="false_result",
            advanced=True,
            info="Which way it goes after that.",
        ),
    ]
    outputs = [
        Output(name="true_result", display_name="True", method="true_response", group_outputs=True),
        Output(name="false_result", display_name="False", method="false_response", group_outputs=True),
    ]

    def true_response(self) -> Message:
        """Return what True gives, and close False; where the comparison fails, close True."""
        return self._route("true_result", "false_result", self.true_case_message, wanted=True)

    def false_response(self) -> Message:
        """Return what False gives, and close True; where the comparison holds, close False."""
        return self._route("false_result", "true_result", self.false_case_message, wanted=False)

    def _route(self, mine: str, other: str, given: object, *, wanted: bool) -> Message:
        if self._holds() is not wanted:
            self.stop(mine)
            return Message()
        self.stop(other)
        message = given if isinstance(given, Message) else Message(text=str(given or self.input_text))
        self.status = message
        return message

    def _holds(self) -> bool:
        text, match = str(self.input_text), str(self.match_text)
        if self.operator == "regex":
            return _fits(match, text)
        if self.operator in _NUMBERS:
            try:
                return _NUMBERS[self.operator](float(text), float(match))
            except ValueError:
                return False
        if self.operator not in _TEXTS:
            raise ComponentError(f"If-Else has no operator {self.operator!r}. Choose one of the list.")
        if not self.case_sensitive:
            text, match = text.lower(), match.lower()
        return _TEXTS[self.operator](text, match)


def _fits(pattern: str, text: str) -> bool:
    try:
        return regex.match(pattern, text, timeout=PATIENCE) is not None
    except regex.error as error:
        raise ComponentError(f"If-Else cannot read the pattern {pattern!r}: {error}.") from error
    except TimeoutError as error:
        raise ComponentError(
            f"The pattern {pattern!r} takes too long on this text. Write one that does not try the same thing again and again."
        ) from error
