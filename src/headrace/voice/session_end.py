"""How a voice session ends."""

from __future__ import annotations

from dataclasses import dataclass

from headrace.errors import HeadraceError

#: Close codes (RFC 6455, section 7.4.1).
NORMAL = 1000
GOING_AWAY = 1001
INTERNAL_ERROR = 1011
TRY_AGAIN_LATER = 1013


@dataclass(frozen=True, slots=True)
class Close:
    """The close frame for a client."""

    code: int = NORMAL
    reason: str = ""


class SessionEnd(Exception):
    """Ends a session from one of its tasks, once all events for the client are sent."""

    def __init__(self, close: Close | None) -> None:
        """Create the end.

        Args:
            close: the close frame for the client; None if the client has gone.

        """
        super().__init__()
        self.close = close


class ClientGoneError(HeadraceError):
    """The client has closed the connection, or does not read it."""

    def __init__(self, reason: str = "The client has closed the connection.") -> None:
        super().__init__(reason)
