"""The limit: plain FastAPI endpoints that do the same writes and model calls as a run, without headrace's code.

Each request stores two rows. The rows of concurrent requests share a transaction, and each answer waits for its commit.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol
from uuid import uuid4

import asyncpg
import httpx2
from fastapi import FastAPI
from pydantic import BaseModel

#: Environment variables of the server process: a SQLite path or a PostgreSQL URL, and the model server's address.
DATABASE_VARIABLE = "BENCH_LIMIT_DATABASE"
MODEL_VARIABLE = "BENCH_LIMIT_MODEL_URL"

Row = tuple[str, str, str, str]
_CREATE_TABLE = (
    "CREATE TABLE IF NOT EXISTS bench_limit (id TEXT PRIMARY KEY, session_id TEXT, sender TEXT, content TEXT)"
)


class RowStore(Protocol):
    """A database that stores a batch of rows in one transaction."""

    async def open(self) -> None:
        """Connect and create the table."""

    async def insert(self, rows: Sequence[Row]) -> None:
        """Insert rows and commit."""

    async def close(self) -> None:
        """Disconnect."""


class SqliteStore:
    """Rows in a SQLite file with a write-ahead log."""

    def __init__(self, path: str) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)

    async def open(self) -> None:
        """Create the table."""
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.execute(_CREATE_TABLE)

    async def insert(self, rows: Sequence[Row]) -> None:
        """Insert rows and commit."""
        self._connection.execute("BEGIN")
        self._connection.executemany("INSERT INTO bench_limit VALUES (?, ?, ?, ?)", rows)
        self._connection.execute("COMMIT")

    async def close(self) -> None:
        """Close the file."""
        self._connection.close()


class PostgresStore:
    """Rows in PostgreSQL, through one asyncpg connection."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: asyncpg.Connection | None = None

    async def open(self) -> None:
        """Connect and create the table."""
        self._connection = await asyncpg.connect(self._url)
        await self._connection.execute(_CREATE_TABLE)

    async def insert(self, rows: Sequence[Row]) -> None:
        """Insert rows and commit."""
        assert self._connection is not None
        async with self._connection.transaction():
            await self._connection.executemany("INSERT INTO bench_limit VALUES ($1, $2, $3, $4)", rows)

    async def close(self) -> None:
        """Disconnect."""
        if self._connection is not None:
            await self._connection.close()


@dataclass(slots=True)
class _Write:
    rows: Sequence[Row]
    committed: asyncio.Future[None]


class GroupCommit:
    """Stores the rows of concurrent requests in shared transactions."""

    def __init__(self, store: RowStore) -> None:
        self._store = store
        self._queue: asyncio.Queue[_Write] = asyncio.Queue()

    async def insert(self, rows: Sequence[Row]) -> None:
        """Insert rows and return after the commit."""
        write = _Write(rows, asyncio.get_running_loop().create_future())
        self._queue.put_nowait(write)
        await write.committed

    async def run(self) -> None:
        """Commit the queued rows until the task is cancelled."""
        while True:
            batch = [await self._queue.get()]
            while not self._queue.empty():
                batch.append(self._queue.get_nowait())
            await self._store.insert([row for write in batch for row in write.rows])
            for write in batch:
                write.committed.set_result(None)


class LimitRequest(BaseModel):
    """The body of a run."""

    input_value: str
    input_type: str = "chat"
    output_type: str = "chat"


class LimitAnswer(BaseModel):
    """The answer to a run."""

    session_id: str
    outputs: list[str]


def create_app() -> FastAPI:
    """Return the application for the database and model server in the environment."""
    address = os.environ[DATABASE_VARIABLE]
    store: RowStore = PostgresStore(address) if address.startswith("postgresql") else SqliteStore(address)
    writer = GroupCommit(store)
    client = httpx2.AsyncClient(timeout=30)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await store.open()
        task = asyncio.create_task(writer.run())
        yield
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await store.close()
        await client.aclose()

    app = FastAPI(lifespan=lifespan)

    async def store_exchange(question: str, answer: str) -> LimitAnswer:
        rows = [(str(uuid4()), "session", "User", question), (str(uuid4()), "session", "Machine", answer)]
        await writer.insert(rows)
        return LimitAnswer(session_id="session", outputs=[answer])

    @app.get("/health")
    async def health() -> str:
        return "ok"

    @app.post("/echo")
    async def echo(request: LimitRequest) -> LimitAnswer:
        return await store_exchange(request.input_value, request.input_value)

    @app.post("/model")
    async def model(request: LimitRequest) -> LimitAnswer:
        messages = [
            {"role": "system", "content": "You are a pirate."},
            {"role": "user", "content": request.input_value},
        ]
        completion = await client.post(
            os.environ[MODEL_VARIABLE] + "/chat/completions",
            headers={"authorization": "Bearer bench"},
            json={"model": "bench", "messages": messages},
        )
        return await store_exchange(request.input_value, completion.json()["choices"][0]["message"]["content"])

    return app
