"""Notify: tells Listen under a key."""

from __future__ import annotations

from typing import Any

from headrace.component import BoolInput, Component, HandleInput, Output, StrInput
from headrace.schema import Data, Message
from headrace.schema.records import records_of


class NotifyComponent(Component):
    """Tells what it got to every Listen of the same key."""

    name = "Notify"
    display_name = "Notify"
    description = "Tells Listen something under a key."
    icon = "Notify"
    beta = True
    blocking = False
    notifies = "context_key"
    inputs = [
        StrInput(name="context_key", display_name="Context Key", required=True, info="What it is told under."),
        HandleInput(
            name="input_value",
            display_name="Input Data",
            input_types=["Data", "Message", "DataFrame"],
            info="What is told.",
        ),
        BoolInput(name="append", display_name="Append", info="Adds to what was told under this key before."),
    ]
    outputs = [Output(name="result", display_name="Data", method="notify_components", cache=False)]

    def notify_components(self) -> Data:
        """Return what is told."""
        told = Data(data=_record(self.input_value))
        self.status = told
        return told


def _record(value: object) -> dict[str, Any]:
    if isinstance(value, Message):
        return {"text": value.text}
    if isinstance(value, Data):
        return value.data
    if value is None or isinstance(value, str):
        return {"text": value or ""}
    return {"results": records_of(value)}
