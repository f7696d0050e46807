"""The key of a provider that a session needs."""

from __future__ import annotations

from headrace.errors import NotFoundError

OPENAI_KEY = "OPENAI_API_KEY"
ELEVENLABS_KEY = "ELEVENLABS_API_KEY"


class MissingProviderKeyError(NotFoundError):
    """A user has no key of a provider."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The variable {name} does not exist. Add your key under Settings, Global Variables, with this name."
        )
        self.name = name
