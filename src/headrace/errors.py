"""The root of every error that headrace raises on purpose."""


class HeadraceError(Exception):
    """An error with a message for people: what happened, to which thing, and what to do.

    Each layer derives a small family from it; `api/errors.py` turns them into statuses.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class TryAgainError(HeadraceError):
    """There is no room for this at the moment; `seconds` says how long to wait."""

    def __init__(self, message: str, seconds: int) -> None:
        super().__init__(message)
        self.seconds = seconds
