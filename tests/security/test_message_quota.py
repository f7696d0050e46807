"""The messages of a user have a maximum size, of which visitors can use half."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import httpx2
import pytest

from headrace.app import create_app
from headrace.db.database import Database
from headrace.db.message_quota import MESSAGE_SETTING, MessageQuota
from headrace.db.quotas import QuotaError
from tests.conftest import settings_for
from tests.support.clients import signed_in
from tests.support.custom_code import create_flow
from tests.support.flow_builder import echo_flow

pytestmark = pytest.mark.anyio
TEXT_BYTES = 300_000


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def run(client: httpx2.Client, flow_id: str) -> httpx2.Response:
    """Run a flow that stores its input and its output."""
    body = {"input_value": "x" * TEXT_BYTES, "session_id": "full"}
    return client.post(f"/api/v1/run/{flow_id}", json=body)


async def test_messages_beyond_the_quota_are_refused_until_messages_are_deleted(
    tmp_path: Path, database_url: str | None
) -> None:
    settings = settings_for(tmp_path, database_url, max_user_message_mib=1)
    with signed_in(create_app(settings)) as client:
        flow_id = str(create_flow(client, echo_flow())["id"])
        client.delete("/api/v1/monitor/messages/session/full")
        assert run(client, flow_id).status_code == 200
        refused = run(client, flow_id)
        assert refused.status_code >= 400
        assert MESSAGE_SETTING in refused.text
        owner = UUID(client.get("/api/v1/users/whoami").json()["id"])
        database = Database(settings)
        await database.open()
        # As a process that has just started, which measures the stored messages.
        quota = MessageQuota(database, 2 * 2 * TEXT_BYTES)
        await quota.add(owner, 1000)
        with pytest.raises(QuotaError, match=MESSAGE_SETTING):
            await quota.add(owner, 1000, is_visitor=True)
        await database.close()
        client.delete("/api/v1/monitor/messages/session/full")
        assert run(client, flow_id).status_code == 200
