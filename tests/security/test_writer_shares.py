"""Large changes of one user do not hold up the changes of others."""

from __future__ import annotations

import threading
import uuid

from tests.support.probe import AttackedServer

FLOWS_PER_BATCH = 500
PARALLEL_BATCHES = 4
ROUNDS = 2


def store_batches(server: AttackedServer) -> list[int]:
    """Store batches of flows from several clients at once and return the statuses."""
    statuses: list[int] = []

    def store() -> None:
        # Clients of several processes cannot use the same names at the same moment.
        prefix = uuid.uuid4()
        flows = [{"name": f"{prefix} {n}", "data": {"nodes": [], "edges": []}} for n in range(FLOWS_PER_BATCH)]
        with server.client(server.attacker) as client:
            statuses.extend(
                client.post("/api/v1/flows/batch/", json={"flows": flows}).status_code for _ in range(ROUNDS)
            )

    threads = [threading.Thread(target=store) for _ in range(PARALLEL_BATCHES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statuses


def test_batches_of_one_user_do_not_delay_the_runs_of_others(server: AttackedServer) -> None:
    with server.observe() as observation:
        statuses = store_batches(server)
    assert statuses == [201] * (PARALLEL_BATCHES * ROUNDS)
    observation.assert_available()
