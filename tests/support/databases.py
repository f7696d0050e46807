"""PostgreSQL databases for tests, created and dropped by each test session."""

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
        pytest.skip(f"PostgreSQL does not respond at {ADMIN_URL.rpartition('@')[2]}: {error}")
    try:
        yield f"{ADMIN_URL.rpartition('/')[0]}/{name}"
    finally:
        asyncio.run(_execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))


@contextlib.contextmanager
def postgres_role(database_url: str, *, max_connections: int) -> Iterator[str]:
    """Yield the database's URL for a new role that may have `max_connections` connections."""
    role = f"headrace_test_{uuid.uuid4().hex}"
    database = database_url.rpartition("/")[2]
    asyncio.run(_execute(f'CREATE ROLE "{role}" LOGIN CONNECTION LIMIT {max_connections}'))
    try:
        asyncio.run(_execute(f'ALTER DATABASE "{database}" OWNER TO "{role}"'))
        yield database_url.replace("//postgres@", f"//{role}@", 1)
    finally:
        asyncio.run(_execute(f'DROP DATABASE "{database}" WITH (FORCE)'))
        asyncio.run(_execute(f'DROP ROLE "{role}"'))
