"""Wait for a condition, with a time limit."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any


def until(condition: Callable[[], Any], seconds: float = 20) -> Any:
    """Return the result of `condition` as soon as it is truthy."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if result := condition():
            return result
        threading.Event().wait(0.02)
    raise AssertionError(f"The condition was not true within {seconds} s.")


def until_steady(value: Callable[[], object]) -> None:
    """Wait until a value does not change any more."""
    seen: list[object] = []

    def is_steady() -> bool:
        seen.append(value())
        return len(seen) > 25 and len(set(seen[-25:])) == 1

    until(is_steady)
