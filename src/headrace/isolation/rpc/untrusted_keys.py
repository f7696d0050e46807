"""Build sets and dicts with keys that a worker chose.

Python randomizes the hashes of texts, but not those of numbers: code can choose numbers that collide, so that each insertion
compares its key with all earlier ones. A thousand of them cost a second, and a million of them days.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

#: Keys between two looks at the clock.
_BATCH = 256
#: Processor time for a container, in seconds: a constant part, and a part per key. An insertion takes about 0.1 µs.
_BASE_SECONDS, _SECONDS_PER_KEY = 0.02, 5e-6


class CollidingKeysError(ValueError):
    """The keys of a set or a dict collide."""

    def __init__(self) -> None:
        super().__init__("The keys of a set or a dict have the same hash. Use other numbers, or texts.")


def build_dict(pairs: Iterable[tuple[Any, Any]]) -> dict[Any, Any]:
    """Return a dict.

    Raises:
        CollidingKeysError: the keys collide.

    """
    result: dict[Any, Any] = {}
    deadline = time.thread_time() + _BASE_SECONDS
    for number, (key, value) in enumerate(pairs):
        result[key] = value
        if number % _BATCH == 0 and time.thread_time() > deadline + number * _SECONDS_PER_KEY:
            raise CollidingKeysError
    return result


def build_set(items: Iterable[Any]) -> set[Any]:
    """Return a set.

    Raises:
        CollidingKeysError: the items collide.

    """
    return set(build_dict((item, None) for item in items))
