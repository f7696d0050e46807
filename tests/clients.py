"""Clients of a test server, logged in."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import httpx2
from fastapi import FastAPI

from tests.conftest import PASSWORD
from tests.server import serving


def log_in(base: str, username: str = "admin") -> dict[str, str]:
    """Return the header of a user's token."""
    answer = httpx2.post(f"{base}/api/v1/login", data={"username": username, "password": PASSWORD})
    return {"authorization": f"Bearer {answer.json()['access_token']}"}


@contextlib.contextmanager
def signed_in(app: FastAPI) -> Iterator[httpx2.Client]:
    """Serve `app` and yield a client of its superuser."""
    with serving(app) as base, httpx2.Client(base_url=base, headers=log_in(base), timeout=120) as client:
        yield client
