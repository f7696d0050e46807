"""Delay the writes of servers, so that transactions of several servers overlap in a test."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncpg
import httpx2

#: Requests that each server answers while its write waits. Each reads the database, so the write has read it, too.
READS = 20


@contextlib.contextmanager
def delayed_writes(database_url: str, tables: Sequence[str]) -> Iterator[None]:
    """Let writes to tables wait for the end of the block. Reads do not wait.

    Args:
        database_url: the URL of a PostgreSQL database or of a SQLite file, whose lock holds for all tables.
        tables: the names of the tables.

    """
    if database_url.startswith("sqlite"):
        connection = sqlite3.connect(Path(database_url.removeprefix("sqlite:///")), isolation_level=None)
        with contextlib.closing(connection):
            connection.execute("BEGIN IMMEDIATE")
            yield
        return
    with asyncio.Runner() as runner:
        postgres = runner.run(asyncpg.connect(database_url))
        transaction = postgres.transaction()
        runner.run(transaction.start())
        names = ", ".join(f'"{name}"' for name in tables)
        runner.run(postgres.execute(f"LOCK TABLE {names} IN SHARE ROW EXCLUSIVE MODE"))
        try:
            yield
        finally:
            runner.run(transaction.rollback())
            runner.run(postgres.close())


def overlapping_statuses(
    database_url: str,
    tables: Sequence[str],
    servers: Sequence[httpx2.Client],
    send: Callable[[httpx2.Client, int], httpx2.Response],
) -> list[int]:
    """Return the sorted statuses of one request to each server, whose transactions start before any of them ends.

    Args:
        database_url: the database of the servers.
        tables: the names of the tables that the request writes.
        servers: clients of the servers.
        send: sends the request to the server with a client and an index.

    """
    with ThreadPoolExecutor(len(servers)) as pool:
        with delayed_writes(database_url, tables):
            answers = [pool.submit(send, client, n) for n, client in enumerate(servers)]
            for client in servers:
                for _ in range(READS):
                    assert client.get("/v1/models").status_code == 200
            assert not any(answer.done() for answer in answers)
        return sorted(answer.result().status_code for answer in answers)
