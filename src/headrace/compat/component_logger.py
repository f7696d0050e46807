"""The logger that component code imports."""

from __future__ import annotations

import logging


class ComponentLogger(logging.LoggerAdapter[logging.Logger]):
    """Write to the server's log. Methods whose names start with `a` are coroutines."""

    async def adebug(self, message: object, *args: object) -> None:
        """Log a message at level DEBUG."""
        self.debug(message, *args)

    async def ainfo(self, message: object, *args: object) -> None:
        """Log a message at level INFO."""
        self.info(message, *args)

    async def awarning(self, message: object, *args: object) -> None:
        """Log a message at level WARNING."""
        self.warning(message, *args)

    async def aerror(self, message: object, *args: object) -> None:
        """Log a message at level ERROR."""
        self.error(message, *args)


logger = ComponentLogger(logging.getLogger("headrace.component_code"))
