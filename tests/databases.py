"""Databases for tests: SQLite in a folder, and a PostgreSQL database of the test's own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import uuid
from collections.abc import Iterator

import asyncpg
import pytest

ADMIN_URL = os.environ.get("HEADRACE_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")
REQUIRED = os.environ.get("HEADRACE_TEST_REQUIRE_POSTGRES") == "1"


async def _execute(statement: str) -> None:
    connection = await asyncpg.connect(ADMIN_URL, timeout=5)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@contextlib.contextmanager
def postgres_database() -> Iterator[str]:
    """Yield the URL of a new PostgreSQL database, dropped at the end."""
    name = f"headrace_test_{uuid.uuid4().hex}"
    try:
        asyncio.run(_execute(f'CREATE DATABASE "{name}"'))
    except OSError as error:
        if REQUIRED:
            raise
        pytest.skip(f"no PostgreSQL answers at {ADMIN_URL.rpartition('@')[2]}: {error}")
    try:
        yield f"{ADMIN_URL.rpartition('/')[0]}/{name}"
    finally:
        asyncio.run(_execute(f'DROP DATABASE "{name}" WITH (FORCE)'))
