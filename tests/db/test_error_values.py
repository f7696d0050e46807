"""Errors of the database contain no values of rows."""

from __future__ import annotations

import asyncio
import traceback
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, text
from sqlalchemy.exc import DBAPIError

from headrace.db.database import Database
from headrace.db.tables import messages, users
from tests.conftest import settings_for

SECRET = "a secret value"


def user(**columns: Any) -> dict[str, Any]:
    now = datetime.now(UTC)
    row = {"id": uuid.uuid4(), "username": SECRET, "password": SECRET, "is_active": True, "is_superuser": False}
    return {**row, "create_at": now, "updated_at": now, **columns}


@pytest.mark.parametrize(
    "statements",
    [
        [insert(users).values(user()), insert(users).values(user())],
        [insert(messages).values(id=uuid.uuid4(), user_id=uuid.uuid4(), session_id=SECRET, text=SECRET)],
        [text(f"SELECT CAST('{SECRET}' AS integer) / 0").execution_options()],
    ],
    ids=["duplicate", "missing columns", "wrong type"],
)
def test_an_error_of_a_statement_contains_no_values(
    database_url: str | None, tmp_path: Path, statements: list[Any]
) -> None:
    async def report() -> str:
        database = Database(settings_for(tmp_path, database_url))
        await database.open()
        try:
            async with database.engine.connect() as connection:
                for statement in statements:
                    await connection.execute(statement)
        except DBAPIError as error:
            cause = error.orig.__cause__ if error.orig else None
            return "".join(traceback.format_exception(error)) + str(error) + repr(error) + str(cause)
        finally:
            await database.close()
        return ""

    reported = asyncio.run(report())
    text_of_statement = reported.replace(f"CAST('{SECRET}' AS integer)", "")
    assert SECRET not in text_of_statement
    assert reported or database_url is None


def test_an_error_of_a_batch_of_rows_contains_no_values(database_url: str | None, tmp_path: Path) -> None:
    async def report() -> str:
        database = Database(settings_for(tmp_path, database_url))
        await database.open()
        try:
            await database.writer.insert_rows(
                [(users, user(username=f"{SECRET} 2")), (users, user(username=f"{SECRET} 2"))]
            )
        except DBAPIError as error:
            return "".join(traceback.format_exception(error))
        finally:
            await database.close()
        return ""

    reported = asyncio.run(report())
    assert "IntegrityError" in reported
    assert SECRET not in reported
