"""The statements on stored responses."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, insert, select

from headrace.db import responses
from headrace.db.database import Database
from headrace.db.responses import NewResponse, ResponseLimits
from headrace.db.tables import responses as response_table
from headrace.db.tables import users
from tests.conftest import settings_for

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def create_user(database: Database) -> uuid.UUID:
    owner, now = uuid.uuid4(), datetime.now(UTC)
    user = {"id": owner, "username": str(owner), "password": "-", "is_active": True, "is_superuser": False}
    await database.write(lambda c: c.execute(insert(users), {**user, "create_at": now, "updated_at": now}))
    return owner


async def test_the_input_is_not_read_to_return_change_or_delete_a_response(
    tmp_path: Path, database_url: str | None
) -> None:
    database = Database(settings_for(tmp_path, database_url))
    await database.open()
    try:
        owner = await create_user(database)
        response_id = f"resp_{uuid.uuid4().hex}"
        body: dict[str, Any] = {"id": response_id, "status": "queued", "previous_response_id": None, "output": []}
        new = NewResponse(owner, "session", body, [{"content": "x" * 1000}])
        await database.write(lambda c: responses.add(c, new, ResponseLimits(10, 100_000)))
        statements: list[str] = []

        def record(*arguments: Any) -> None:
            statements.append(arguments[2])

        engines = {database.engine.sync_engine, database.writer_engine.sync_engine}
        for engine in engines:
            event.listen(engine, "before_cursor_execute", record)
        async with database.connect() as connection:
            stored = await responses.get(connection, owner, response_id)
        assert stored is not None
        assert stored["body"] == body
        before = len(statements)
        done = {**body, "status": "completed", "output": ["y" * 500]}
        assert await database.write(lambda c: responses.change(c, response_id, done))
        async with database.connect() as connection:
            size = (
                await connection.execute(select(response_table.c.size).where(response_table.c.id == response_id))
            ).scalar_one()
        assert 1500 < size < 2000
        assert await database.write(lambda c: responses.remove(c, owner, response_id)) is not None
        assert len(statements) > before > 0
        assert [s for s in statements if "response.input," in s or "response.input " in s] == []
    finally:
        await database.close()
