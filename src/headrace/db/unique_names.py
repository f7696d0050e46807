"""Unique names: a name in use gets a number."""

from __future__ import annotations

import re
from collections.abc import Iterable

#: Characters that a truncated name leaves for its number.
_NUMBER_CHARACTERS = 12


class UniqueNames:
    """The names of one owner. The cost of a new name does not depend on how many there are."""

    def __init__(self, names: Iterable[str], pattern: str = "{name} ({n})", max_length: int = 1024) -> None:
        """Read the names in use.

        Args:
            names: the names in use.
            pattern: the format of a numbered name, `{name} ({n})` or `{name}-{n}`.
            max_length: the maximum length of a name, in characters; a longer name is truncated before its number.

        """
        before, self._tail = pattern.replace("{name}", "").split("{n}")
        self._before = before
        self._numbered = re.compile(f"(.*){re.escape(before)}([0-9]{{1,9}}){re.escape(self._tail)}", re.DOTALL)
        self._max_length = max_length
        self._names: set[str] = set()
        #: The highest number of each name.
        self._highest: dict[str, int] = {}
        for name in names:
            self._add(name)

    def allocate(self, name: str) -> str:
        """Return a name, with the next free number appended if it is in use, which is then in use."""
        free = name
        if name in self._names:
            free = self._number(name)
            if len(free) > self._max_length:
                free = self._number(name[: self._max_length - _NUMBER_CHARACTERS])
        self._add(free)
        return free

    def _number(self, name: str) -> str:
        return f"{name}{self._before}{self._highest.get(name, 0) + 1}{self._tail}"

    def _add(self, name: str) -> None:
        self._names.add(name)
        match = self._numbered.fullmatch(name)
        if match is not None:
            self._highest[match[1]] = max(self._highest.get(match[1], 0), int(match[2]))


def next_free_name(name: str, taken: set[str], pattern: str = "{name} ({n})", max_length: int = 1024) -> str:
    """Return `name`, with the next free number appended if it is in use; see `UniqueNames`."""
    if name not in taken:
        return name
    return UniqueNames(taken, pattern, max_length).allocate(name)
