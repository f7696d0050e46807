"""A program that runs Python in a worker and prints the outcomes as JSON, to run under another account.

    python -m tests.isolation.attack_host LIMITS < SOURCES

LIMITS are fields of `ResourceLimits` as JSON. SOURCES is a JSON list of sources, each of which assigns `result`. The outcome is a list
of `[value, error]`, followed by facts about the last worker process.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

from headrace.component.component import ComponentError
from headrace.errors import HeadraceError
from headrace.isolation.host.worker_pool import WorkerPool
from headrace.isolation.limits import ResourceLimits
from headrace.net.egress import EgressGuard

USER = UUID(int=1)


async def attack(limits: ResourceLimits, sources: list[str]) -> list[Any]:
    """Run sources one after the other and return their outcomes."""
    pool = WorkerPool(limits, EgressGuard(enabled=True, allowed=["127.0.0.1"]), max_workers=2, idle_seconds=60)
    outcomes: list[Any] = []
    try:
        for source in sources:
            try:
                outcomes.append([(await pool.run_python(USER, source, {}, (), "result")).value, None])
            except (ComponentError, HeadraceError) as error:
                outcomes.append([None, error.message])
        pid = (await pool.run_python(USER, "import os", {}, (), "os.getpid()")).value
        outcomes.append(_facts(pid))
    finally:
        await pool.close()
    return outcomes


def _facts(pid: object) -> dict[str, list[str]]:
    """Return the fields of a process in /proc."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {key: value.split() for key, _, value in (line.partition(":") for line in lines)}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(attack(ResourceLimits(**json.loads(sys.argv[1])), json.load(sys.stdin)))))
