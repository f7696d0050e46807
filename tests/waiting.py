"""Waits for what comes by itself, and no longer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any


def until(look: Callable[[], Any], seconds: float = 20) -> Any:
    """Return what `look` finds, as soon as it finds something."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        threading.Event().wait(0.02)
    raise AssertionError("it never came")
