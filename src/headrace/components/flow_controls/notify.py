"""Notify: sends data to the Listen components with the same key."""

from __future__ import annotations

from typing import Any

from headrace.component import BoolInput, Component, HandleInput, Output, StrInput
from headrace.schema import Data, Message
from headrace.schema.records import records_of


class NotifyComponent(Component):
    """Send the input to every Listen component with the same key."""

    name = "Notify"
    display_name = "Notify"
    description = "Sends its input to the Listen components with the same key."
    icon = "Notify"
    beta = True
    blocking = False
    notifies = "context_key"
    inputs = [
        StrInput(
            name="context_key",
            display_name="Context Key",
            required=True,
            info="The key that the Listen components use.",
        ),
        HandleInput(
            name="input_value",
            display_name="Input Data",
            input_types=["Data", "Message", "DataFrame"],
            info="The data to send.",
        ),
        BoolInput(
            name="append",
            display_name="Append",
            info="Add to the data that was sent under this key before, instead of replacing it.",
        ),
    ]
    outputs = [Output(name="result", display_name="Data", method="notify_components", cache=False)]

    def notify_components(self) -> Data:
        """Return the data that is sent."""
        data = Data(data=_record(self.input_value))
        self.status = data
        return data


def _record(value: object) -> dict[str, Any]:
    if isinstance(value, Message):
        return {"text": value.text}
    if isinstance(value, Data):
        return value.data
    if value is None or isinstance(value, str):
        return {"text": value or ""}
    return {"results": records_of(value)}
