"""Tests that need a tool which this machine may not have."""

from __future__ import annotations

from typing import NoReturn

import pytest


def skip(reason: str, *, required: bool) -> NoReturn:
    """Skip the test, or fail it if the environment says that everything is installed."""
    if required:
        pytest.fail(reason)
    pytest.skip(reason)
