"""Create authenticated clients of a test server."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import httpx2
from fastapi import FastAPI

from tests.conftest import PASSWORD
from tests.support.server import serving


def log_in(base: str, username: str = "admin") -> dict[str, str]:
    """Log in and return the authorization header."""
    response = httpx2.post(f"{base}/api/v1/login", data={"username": username, "password": PASSWORD}, timeout=60)
    return {"authorization": f"Bearer {response.json()['access_token']}"}


@contextlib.contextmanager
def signed_in(app: FastAPI) -> Iterator[httpx2.Client]:
    """Serve `app` and yield a client of its superuser."""
    with serving(app) as base, httpx2.Client(base_url=base, headers=log_in(base), timeout=120) as client:
        yield client
