"""Current Date: returns the current date and time."""

from __future__ import annotations

from datetime import datetime
from importlib import resources
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from headrace.component import Component, ComponentError, DropdownInput, Output
from headrace.schema import Message

#: Time zone names from the list in `tzdata`; `zoneinfo.available_timezones()` is slow because it opens every file.
TIME_ZONES = resources.files("tzdata").joinpath("zones").read_text(encoding="utf-8").split()


class CurrentDateComponent(Component):
    """Return the current date and time in a time zone."""

    name = "CurrentDate"
    display_name = "Current Date"
    description = "Returns the current date and time in a time zone."
    icon = "clock"
    blocking = False
    inputs = [
        DropdownInput(
            name="timezone",
            display_name="Timezone",
            options=sorted(TIME_ZONES),
            value="UTC",
            tool_mode=True,
            info="Time zone of the result, such as Europe/Paris.",
        )
    ]
    outputs = [Output(name="current_date", display_name="Current Date", method="get_current_date")]

    def get_current_date(self) -> Message:
        """Return a sentence with date, time and time zone.

        Raises:
            ComponentError: the time zone is unknown.

        """
        try:
            now = datetime.now(ZoneInfo(str(self.timezone)))
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ComponentError(f"Time zone {self.timezone!r} is unknown. Use a name such as Europe/Paris.") from error
        text = f"Current date and time in {self.timezone}: {now:%Y-%m-%d %H:%M:%S %Z}"
        self.status = text
        return Message(text=text)
