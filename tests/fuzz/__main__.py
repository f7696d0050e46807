"""Sends generated hostile requests to a server for a while. Ends with status 1 if it finds something.

make fuzz ARGS="--minutes 120 --database postgresql --workers 3 --seed 7"
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import random
import sys
import tempfile
import threading
import time
from pathlib import Path

from tests.fuzz.attacks import Attacks, Findings
from tests.fuzz.process_state import ProcessState
from tests.support.databases import postgres_database
from tests.support.openapi import operations
from tests.support.probe import AttackedServer, attacked_server

log = logging.getLogger("fuzz")

#: Concurrent senders of requests.
SENDERS = 4
#: Requests before the first measurement, so that caches and lazy imports do not count as growth.
WARM_UP_SEEDS = 200
#: Growth of the memory, in MiB, and of threads and files that is not a leak.
TOLERATED_MIB = 150
TOLERATED_HANDLES = 100
#: Processor use of an idle server that is not a stuck task.
TOLERATED_LOAD = 0.2
#: How long the server has after the last request to end its runs, in seconds.
SETTLE_SECONDS = 15
_PROGRESS_SECONDS = 60
_SETTINGS = {
    "HEADRACE_RUN_TIMEOUT_SECONDS": "20",
    "LANGFLOW_LOG_LEVEL": "error",
    # The users stay logged in for as long as the attack takes.
    "LANGFLOW_ACCESS_TOKEN_EXPIRE_SECONDS": "86400",
}


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=120)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**9))
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--workers", type=int, default=1, help="server processes")
    return parser.parse_args()


def _send_seed(attacks: Attacks, seeds: list[int], findings: Findings) -> None:
    seed = seeds[0]
    seeds[0] += 1
    try:
        attacks.send(seed)
    except Exception as error:
        # A connection that the server closed, or an answer after more than a minute.
        findings.fail(f"seed {seed}: no answer: {error!r:.300}")


def _send_until(attacks: Attacks, seeds: list[int], deadline: float, findings: Findings) -> None:
    while time.monotonic() < deadline:
        _send_seed(attacks, seeds, findings)


def _send_concurrently(attacks: Attacks, seeds: list[int], deadline: float, findings: Findings) -> None:
    senders = [threading.Thread(target=_send_until, args=(attacks, seeds, deadline, findings)) for _ in range(SENDERS)]
    for sender in senders:
        sender.start()
    while any(sender.is_alive() for sender in senders):
        senders[0].join(_PROGRESS_SECONDS)
        log.info("%d requests, %d failures, at seed %d", findings.requests, len(findings.failures), seeds[0])
        for sender in senders[1:]:
            if not senders[0].is_alive():
                sender.join(_PROGRESS_SECONDS)


def _compare(before: ProcessState, after: ProcessState, findings: Findings) -> None:
    log.info("before: %s", before)
    log.info("after:  %s", after)
    if after.resident_mib - before.resident_mib > TOLERATED_MIB:
        findings.fail("the memory has grown")
    if after.threads + after.open_files - before.threads - before.open_files > TOLERATED_HANDLES:
        findings.fail("threads or open files are left over")
    if after.load > TOLERATED_LOAD:
        findings.fail("the server is busy although nobody sends requests")


def _attack(server: AttackedServer, arguments: argparse.Namespace, findings: Findings) -> None:
    attacks = Attacks(server, operations(), findings)
    seeds = [arguments.seed]
    for _ in range(WARM_UP_SEEDS):
        _send_seed(attacks, seeds, findings)
    before = ProcessState.of(server.pid)
    _send_concurrently(attacks, seeds, time.monotonic() + 60 * arguments.minutes, findings)
    threading.Event().wait(SETTLE_SECONDS)
    _compare(before, ProcessState.of(server.pid), findings)
    with server.observe() as observation:
        threading.Event().wait(1)
    for failure in observation.failures:
        findings.fail(failure)


def main() -> int:
    """Run the command and return its exit status."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    arguments = _parse_arguments()
    log.info("seed %d", arguments.seed)
    findings = Findings()
    database = postgres_database() if arguments.database == "postgresql" else contextlib.nullcontext()
    with (
        tempfile.TemporaryDirectory() as folder,
        database as url,
        attacked_server(Path(folder), url, workers=arguments.workers, **_SETTINGS) as server,
    ):
        _attack(server, arguments, findings)
    log.info("%d requests, %d failures", findings.requests, len(findings.failures))
    return 1 if findings.failures else 0


if __name__ == "__main__":
    sys.exit(main())
