"""The limit: a bare FastAPI endpoint that stores two rows with group commit, in the same kind of database."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from fastapi import FastAPI
from pydantic import BaseModel

from headrace.settings import Settings
from headrace.store import users
from headrace.store.store import Store
from headrace.store.tables import messages


class Said(BaseModel):
    """What is said."""

    input_value: str


def create() -> FastAPI:
    """Return the application, on the database in BENCH_FOLDER."""
    store = Store(Settings(config_dir=Path(os.environ["BENCH_FOLDER"])))
    owner = uuid4()

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        nonlocal owner
        await store.open()
        owner = await store.write(lambda c: users.add(c, str(owner), "", is_superuser=False, is_active=False))
        yield
        await store.close()

    app = FastAPI(lifespan=lifespan)

    def row(text: str, sender: str) -> dict[str, object]:
        return {
            "id": uuid4(),
            "user_id": owner,
            "flow_id": None,
            "session_id": "s",
            "context_id": "",
            "sender": sender,
            "sender_name": sender,
            "text": text,
            "files": [],
            "error": False,
            "edit": False,
            "category": "message",
            "properties": {},
            "content_blocks": [],
            "duration": None,
            "timestamp": datetime.now(UTC),
        }

    @app.post("/echo")
    async def echo(said: Said) -> Said:
        await asyncio.gather(
            *(store.writer.insert(messages, row(said.input_value, who)) for who in ("User", "Machine"))
        )
        return said

    return app
