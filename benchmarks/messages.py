"""Pages of messages, from a database with few messages and from one with many."""

from __future__ import annotations

import asyncio
import tempfile
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select

from benchmarks.api import ApiClient, median_latency
from benchmarks.options import BenchOptions
from benchmarks.report import print_row
from benchmarks.servers import PASSWORD, start_headrace
from headrace.db.database import Database
from headrace.db.tables import messages, users
from headrace.schema.properties import Properties
from headrace.settings import Settings, load_settings

FEW_MESSAGES = 1000
SESSIONS = 1000
FLOWS = 20
INSERT_BATCH = 20_000
REPEATS = 20


def measure_messages(options: BenchOptions) -> None:
    """Measure pages of messages on each database."""
    for name in options.databases:
        few = _measure_pages(options, name, FEW_MESSAGES)
        many = _measure_pages(options, name, options.messages)
        for page, latency in many.items():
            print_row(
                f"{name}, 100 messages: {page}",
                f"{few[page]:.1f} ms of {FEW_MESSAGES} messages, {latency:.1f} ms of {options.messages}",
                "about the same",
            )


def _measure_pages(options: BenchOptions, name: str, count: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder, options.create_database(name) as url:
        with start_headrace(Path(folder), url):
            pass
        paths = _page_paths(asyncio.run(_insert(load_settings(config_dir=Path(folder), database_url=url), count)))
        with start_headrace(Path(folder), url) as server:
            client = ApiClient(server.base_url, "admin", PASSWORD)
            return {page: median_latency(client.get_request(path), REPEATS) for page, path in paths.items()}


async def _insert(settings: Settings, count: int) -> dict[str, str]:
    """Insert messages of the superuser and return a flow id, a session id and the id of the middle message."""
    database = Database(settings)
    await database.open()
    flows = [uuid.uuid4() for _ in range(FLOWS)]
    first_at = datetime.now(UTC) - timedelta(days=365)
    properties = Properties().model_dump()
    middle = uuid.uuid4()
    async with database.connect() as connection:
        owner = (await connection.execute(select(users.c.id).where(users.c.username == "admin"))).scalar_one()

    def row(number: int) -> dict[str, Any]:
        return {
            "id": middle if number == count // 2 else uuid.uuid4(),
            "user_id": owner,
            "flow_id": flows[number % FLOWS],
            "session_id": f"session-{number % SESSIONS}",
            "context_id": "",
            "sender": "Machine" if number % 2 else "User",
            "sender_name": "AI" if number % 2 else "User",
            "text": f"The text of message {number}",
            "files": [],
            "error": False,
            "edit": False,
            "category": "message",
            "properties": properties,
            "content_blocks": [],
            "timestamp": first_at + timedelta(seconds=number),
        }

    for start in range(0, count, INSERT_BATCH):
        rows = [row(number) for number in range(start, min(start + INSERT_BATCH, count))]
        async with database.engine.begin() as connection:
            await connection.execute(insert(messages), rows)
    await database.close()
    return {"flow": str(flows[0]), "session": "session-7", "middle": str(middle)}


def _page_paths(ids: dict[str, str]) -> dict[str, str]:
    path = "/api/v1/monitor/messages"
    return {
        "newest": f"{path}?limit=100",
        "of a flow": f"{path}?limit=100&flow_id={ids['flow']}",
        "of a session": f"{path}?limit=100&session_id={ids['session']}",
        "before the middle one": f"{path}?limit=100&before={ids['middle']}",
        "session names": f"{path}/sessions?limit=100",
        "session names of a flow": f"{path}/sessions?limit=100&flow_id={ids['flow']}",
    }
