"""Current Date: what day and time it is."""

from __future__ import annotations

from datetime import datetime
from importlib import resources
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from headrace.component import Component, ComponentError, DropdownInput, Output
from headrace.schema import Message

#: The names of time zones, from the package's list: the interpreter would look at each file for them.
ZONES = resources.files("tzdata").joinpath("zones").read_text(encoding="utf-8").split()


class CurrentDateComponent(Component):
    """Gives the present date and time of a time zone."""

    name = "CurrentDate"
    display_name = "Current Date"
    description = "Returns the current date and time in a timezone."
    icon = "clock"
    blocking = False
    inputs = [
        DropdownInput(
            name="timezone",
            display_name="Timezone",
            options=sorted(ZONES),
            value="UTC",
            tool_mode=True,
            info="A time zone, such as Europe/Paris.",
        )
    ]
    outputs = [Output(name="current_date", display_name="Current Date", method="get_current_date")]

    def get_current_date(self) -> Message:
        """Return a sentence with date, time and zone.

        Raises:
            ComponentError: there is no such zone.

        """
        try:
            now = datetime.now(ZoneInfo(str(self.timezone)))
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ComponentError(f"There is no time zone {self.timezone!r}. Name one such as Europe/Paris.") from error
        text = f"Current date and time in {self.timezone}: {now:%Y-%m-%d %H:%M:%S %Z}"
        self.status = text
        return Message(text=text)
