"""Connections to the database."""

from __future__ import annotations

import asyncio
from pathlib import Path

from sqlalchemy import text

from headrace.db.database import Database
from tests.conftest import settings_for
from tests.support.databases import postgres_database, postgres_role


def test_readers_wait_if_postgresql_has_no_free_connection(tmp_path: Path) -> None:
    async def read_concurrently(url: str) -> list[int]:
        database = Database(settings_for(tmp_path, url, pool_size=10, max_overflow=10))
        await database.open()

        async def read(number: int) -> int:
            async with database.connect() as connection:
                return int((await connection.execute(text(f"SELECT {number} FROM pg_sleep(0.05)"))).scalar_one())

        try:
            return list(await asyncio.gather(*map(read, range(20))))
        finally:
            await database.close()

    with postgres_database() as url, postgres_role(url, max_connections=7) as limited_url:
        assert asyncio.run(read_concurrently(limited_url)) == list(range(20))
