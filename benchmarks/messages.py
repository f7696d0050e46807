"""How fast pages of messages are, with few messages and with many."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select

from headrace.schema.properties import Properties
from headrace.settings import Settings
from headrace.store.store import Store
from headrace.store.tables import messages, users

SESSIONS = 1000
FLOWS = 20
_BATCH = 20_000


def fill(folder: Path, database_url: str | None, count: int) -> dict[str, str]:
    """Keep `count` messages of the superuser and return ids for asking for some of them."""
    return asyncio.run(_fill(Settings(config_dir=folder, database_url=database_url), count))


async def _fill(settings: Settings, count: int) -> dict[str, str]:
    store = Store(settings)
    await store.open()
    flows = [uuid.uuid4() for _ in range(FLOWS)]
    begun = datetime.now(UTC) - timedelta(days=365)
    properties = Properties().model_dump()
    middle = uuid.uuid4()
    async with store.reading() as connection:
        owner = (await connection.execute(select(users.c.id).where(users.c.username == "admin"))).scalar_one()

    def row(i: int) -> dict[str, Any]:
        return {
            "id": middle if i == count // 2 else uuid.uuid4(),
            "user_id": owner,
            "flow_id": flows[i % FLOWS],
            "session_id": f"session-{i % SESSIONS}",
            "context_id": "",
            "sender": "Machine" if i % 2 else "User",
            "sender_name": "AI" if i % 2 else "User",
            "text": f"What is said as number {i}",
            "files": [],
            "error": False,
            "edit": False,
            "category": "message",
            "properties": properties,
            "content_blocks": [],
            "timestamp": begun + timedelta(seconds=i),
        }

    for first in range(0, count, _BATCH):
        async with store.engine.begin() as connection:
            await connection.execute(insert(messages), [row(i) for i in range(first, min(first + _BATCH, count))])
    await store.close()
    return {"flow": str(flows[0]), "session": "session-7", "middle": str(middle)}


def pages(ids: dict[str, str]) -> dict[str, str]:
    """Return the pages that are asked for, by what they are."""
    address = "/api/v1/monitor/messages"
    return {
        "newest": f"{address}?limit=100",
        "of a flow": f"{address}?limit=100&flow_id={ids['flow']}",
        "of a session": f"{address}?limit=100&session_id={ids['session']}",
        "from the middle on": f"{address}?limit=100&before={ids['middle']}",
        "names of the sessions": f"{address}/sessions?limit=100",
        "a flow's sessions": f"{address}/sessions?limit=100&flow_id={ids['flow']}",
    }
