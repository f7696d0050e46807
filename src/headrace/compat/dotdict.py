"""`dotdict`: a dict whose entries are also attributes."""

from __future__ import annotations

from typing import Any


class dotdict(dict[str, Any]):
    """A dict whose entries are also attributes."""

    def __getattr__(self, name: str) -> Any:
        """Return an entry. A nested dict is converted to a `dotdict` in place."""
        try:
            value = self[name]
        except KeyError:
            raise AttributeError(name) from None
        if isinstance(value, dict) and not isinstance(value, dotdict):
            value = self[name] = dotdict(value)
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an entry."""
        self[name] = value

    def __delattr__(self, name: str) -> None:
        """Delete an entry."""
        del self[name]
