"""A name that another process takes at the same time gets a number, on PostgreSQL; SQLite lets one process write at a time."""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import httpx2

from headrace.app import create_app
from tests.conftest import settings_for
from tests.support.clients import log_in
from tests.support.flow_builder import echo_flow
from tests.support.server import serving

FLOWS = "/api/v1/flows/"


async def save_while_another_process_takes_the_name(
    client: httpx2.AsyncClient, database_url: str, flow_id: UUID
) -> httpx2.Response:
    """Save a flow named "mine" while a transaction has inserted one, which it commits as soon as the server waits for it."""
    transaction, observer = [await asyncpg.connect(database_url) for _ in range(2)]
    try:
        async with transaction.transaction():
            await transaction.execute(f"CREATE TEMPORARY TABLE copy AS SELECT * FROM flow WHERE id = '{flow_id}'")
            await transaction.execute("UPDATE copy SET id = $1, name = 'mine'", uuid4())
            await transaction.execute("INSERT INTO flow SELECT * FROM copy")
            saving = asyncio.create_task(client.post(FLOWS, json={"name": "mine", "data": echo_flow()}))
            waiting = (
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            while not saving.done() and not await observer.fetchval(waiting):
                pass
        return await saving
    finally:
        for connection in (transaction, observer):
            await connection.close()


async def collide(base_url: str, database_url: str) -> httpx2.Response:
    """Save a flow whose name another process takes at the same time."""
    async with httpx2.AsyncClient(base_url=base_url, headers=log_in(base_url), timeout=60) as client:
        other = await client.post(FLOWS, json={"name": "other", "data": echo_flow()})
        return await save_while_another_process_takes_the_name(client, database_url, UUID(other.json()["id"]))


def test_a_name_that_another_process_takes_at_the_same_time_gets_a_number(postgres_url: str, tmp_path: Path) -> None:
    with serving(create_app(settings_for(tmp_path, postgres_url))) as base_url:
        response = asyncio.run(collide(base_url, postgres_url))
        assert response.status_code == 201, response.text
        assert response.json()["name"] == "mine (1)"
