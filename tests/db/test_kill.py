"""A killed server loses no message that it has acknowledged."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
import uuid
from pathlib import Path

import httpx2
from sqlalchemy import select

from headrace.db.database import Database
from headrace.db.tables import messages
from tests.conftest import settings_for
from tests.support.clients import log_in
from tests.support.flow_builder import echo_flow
from tests.support.process import free_port, start

MIN_ACKNOWLEDGED = 100


async def _stored_texts(folder: Path, database_url: str | None, session: str) -> set[str]:
    database = Database(settings_for(folder, database_url))
    await database.open()
    try:
        async with database.connect() as connection:
            query = select(messages.c.text).where(messages.c.session_id == session, messages.c.sender == "Machine")
            return set((await connection.execute(query)).scalars())
    finally:
        await database.close()


def test_a_server_killed_under_load_keeps_every_acknowledged_message(database_url: str | None, tmp_path: Path) -> None:
    port, session = free_port(), f"kill-{uuid.uuid4()}"
    process = start(port, tmp_path, database_url)
    base = f"http://127.0.0.1:{port}"
    acknowledged: list[str] = []

    def load(headers: dict[str, str], flow_id: str) -> None:
        with httpx2.Client(headers=headers) as client:
            while len(acknowledged) < 100 * MIN_ACKNOWLEDGED:
                text = str(uuid.uuid4())
                try:
                    response = client.post(
                        f"{base}/api/v1/run/{flow_id}", json={"input_value": text, "session_id": session}
                    )
                except httpx2.HTTPError:
                    return
                if response.status_code == 200:
                    acknowledged.append(text)

    try:
        headers = log_in(base)
        flow_id = httpx2.post(
            f"{base}/api/v1/flows/", json={"name": session, "data": echo_flow()}, headers=headers
        ).json()["id"]
        callers = [threading.Thread(target=load, args=(headers, flow_id)) for _ in range(4)]
        for caller in callers:
            caller.start()
        deadline = time.monotonic() + 30
        while len(acknowledged) < MIN_ACKNOWLEDGED and time.monotonic() < deadline:
            threading.Event().wait(0.01)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    for caller in callers:
        caller.join()
    assert len(acknowledged) >= MIN_ACKNOWLEDGED
    assert set(acknowledged) <= asyncio.run(_stored_texts(tmp_path, database_url, session))
    restarted = start(port, tmp_path, database_url)
    try:
        assert httpx2.get(f"{base}/health_check").json()["db"] == "ok"
    finally:
        restarted.terminate()
        assert restarted.wait(20) in {0, -signal.SIGTERM}
