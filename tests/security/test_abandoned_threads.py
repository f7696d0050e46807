"""Calls that outlive their runs occupy only their own user's threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from tests.security.shared_settings import SHORT_RUNS
from tests.support.blocking_component import sleeping_flow
from tests.support.flows import create_flow
from tests.support.probe import AttackedServer

pytestmark = pytest.mark.any_database

ABANDONED_RUNS = 45
BLOCKED_SECONDS = 8


@pytest.mark.server(**SHORT_RUNS)
def test_abandoned_runs_of_one_user_leave_threads_to_others(server: AttackedServer) -> None:
    with server.client(server.bystander) as client:
        # The bystander's flow needs a thread, too.
        server.flow_id = create_flow(client, sleeping_flow(0))
    with server.client(server.attacker) as client:
        flow_id = create_flow(client, sleeping_flow(BLOCKED_SECONDS))
        count = ABANDONED_RUNS * server.processes

        def abandon(_number: int) -> None:
            with pytest.raises(httpx2.TimeoutException):
                client.post(f"/api/v1/run/{flow_id}", json={"input_value": "x"}, timeout=2.5)

        with server.observe() as observation, ThreadPoolExecutor(count) as callers:
            list(callers.map(abandon, range(count)))
    observation.assert_available()
