"""Condition: passes data to one of two outputs, depending on the value of a key."""

from __future__ import annotations

from collections.abc import Callable

from headrace.component import Component, ComponentError, DataInput, DropdownInput, MessageTextInput, Output
from headrace.schema import Data

BOOLEAN = "boolean validator"
_TRUE = {"true", "1", "yes", "y", "on"}
_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "equals": lambda value, match: value == match,
    "not equals": lambda value, match: value != match,
    "contains": lambda value, match: match in value,
    "starts with": lambda value, match: value.startswith(match),
    "ends with": lambda value, match: value.endswith(match),
    BOOLEAN: lambda value, _match: value.strip().lower() in _TRUE,
}


class DataConditionalRouterComponent(Component):
    """Pass matching data to the output True and the rest to False, and close an output without data."""

    name = "DataConditionalRouter"
    display_name = "Condition"
    description = "Passes data to one of two outputs, depending on the value of a key."
    icon = "split"
    legacy = True
    blocking = False
    inputs = [
        DataInput(
            name="data_input",
            display_name="Data Input",
            is_list=True,
            info="Data to check. A list is split between the two outputs.",
        ),
        MessageTextInput(name="key_name", display_name="Key Name", info="Key of the value to compare."),
        DropdownInput(
            name="operator",
            display_name="Operator",
            options=list(_OPERATORS),
            value="equals",
            info="How to compare the value.",
        ),
        MessageTextInput(
            name="compare_value",
            display_name="Match Text",
            info="Text to compare with. The boolean validator ignores it.",
        ),
    ]
    outputs = [
        Output(name="true_output", display_name="True Output", method="process_data"),
        Output(name="false_output", display_name="False Output", method="process_data"),
    ]

    def output_method(self, output: Output) -> Callable[[], object]:
        """Return the method that selects the records of one output."""
        return lambda: self.process_data(matches=output.name == "true_output", name=output.name)

    def process_data(self, *, matches: bool = True, name: str = "true_output") -> Data | list[Data]:
        """Return the records that match the condition, or those that do not.

        Raises:
            ComponentError: an input is not `Data`, or the key is missing.

        """
        records = self.data_input if isinstance(self.data_input, list) else [self.data_input]
        selected = [record for record in records if self._matches(record) is matches]
        if not selected:
            self.stop(name)
        self.status = selected
        return selected[0] if len(selected) == 1 else selected

    def _matches(self, record: object) -> bool:
        if not isinstance(record, Data):
            raise ComponentError(
                f"Condition got {type(record).__name__} instead of Data. Connect an output of type Data."
            )
        if self.key_name not in record.data:
            keys = ", ".join(sorted(map(str, record.data))) or "none"
            raise ComponentError(f"The data has no key {self.key_name!r}. Its keys: {keys}.")
        return _OPERATORS[self.operator](str(record.data[self.key_name]), str(self.compare_value))
