"""Condition: sorts records by what one of their keys holds."""

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
    """Hands records that fit to one output and the others to the other; one that gets none is closed."""

    name = "DataConditionalRouter"
    display_name = "Condition"
    description = "Goes one of two ways by what a record holds."
    icon = "split"
    legacy = True
    blocking = False
    inputs = [
        DataInput(name="data_input", display_name="Data Input", is_list=True, info="The records."),
        MessageTextInput(name="key_name", display_name="Key Name", info="The key whose value is compared."),
        DropdownInput(name="operator", display_name="Operator", options=list(_OPERATORS), value="equals", info="How."),
        MessageTextInput(name="compare_value", display_name="Match Text", info="What it is compared with."),
    ]
    outputs = [
        Output(name="true_output", display_name="True Output", method="process_data"),
        Output(name="false_output", display_name="False Output", method="process_data"),
    ]

    def method_of(self, output: Output) -> Callable[[], object]:
        """Return what sorts the records for one of the outputs."""
        return lambda: self.process_data(wanted=output.name == "true_output", name=output.name)

    def process_data(self, *, wanted: bool = True, name: str = "true_output") -> Data | list[Data]:
        """Return the records that fit, or those that don't.

        Raises:
            ComponentError: what came is no record, or has no such key.

        """
        given = self.data_input if isinstance(self.data_input, list) else [self.data_input]
        found = [record for record in given if self._fits(record) is wanted]
        if not found:
            self.stop(name)
        self.status = found
        return found[0] if len(found) == 1 else found

    def _fits(self, record: object) -> bool:
        if not isinstance(record, Data):
            raise ComponentError(f"Condition takes records, and got {type(record).__name__}. Connect a Data.")
        if self.key_name not in record.data:
            keys = ", ".join(sorted(map(str, record.data))) or "none"
            raise ComponentError(f"The record has no key {self.key_name!r}. Its keys: {keys}.")
        return _OPERATORS[self.operator](str(record.data[self.key_name]), str(self.compare_value))
