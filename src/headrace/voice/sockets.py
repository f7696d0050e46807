"""The two sides of a voice session."""

from __future__ import annotations

from typing import Protocol


class ClientSocket(Protocol):
    """The connection to the client."""

    async def receive(self) -> str | bytes:
        """Return the next message.

        Raises:
            ClientGoneError: The client has closed the connection.

        """
        ...

    async def send(self, message: bytes) -> None:
        """Send a message, waiting until the connection accepts it.

        Raises:
            ClientGoneError: The client has closed the connection.

        """
        ...
