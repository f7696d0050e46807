"""PostgreSQL databases that exist for one measurement."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Iterator

import asyncpg

CONNECT_TIMEOUT_SECONDS = 3


async def _execute(admin_url: str, statement: str) -> None:
    connection = await asyncpg.connect(admin_url, timeout=CONNECT_TIMEOUT_SECONDS)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def is_reachable(admin_url: str) -> bool:
    """Return whether a PostgreSQL server answers."""
    try:
        asyncio.run(_execute(admin_url, "SELECT 1"))
    except (OSError, TimeoutError, asyncpg.PostgresError):
        return False
    return True


@contextlib.contextmanager
def postgres_database(admin_url: str) -> Iterator[str]:
    """Create a PostgreSQL database, yield its URL, and drop it."""
    name = f"headrace_bench_{uuid.uuid4().hex}"
    asyncio.run(_execute(admin_url, f'CREATE DATABASE "{name}"'))
    try:
        yield f"{admin_url.rpartition('/')[0]}/{name}"
    finally:
        asyncio.run(_execute(admin_url, f'DROP DATABASE "{name}" WITH (FORCE)'))
