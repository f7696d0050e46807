"""Observe a server during an attack: another user's slowest answer, and the memory of the server's processes."""

from __future__ import annotations

import contextlib
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import httpx2

from tests.conftest import PASSWORD
from tests.support.clients import log_in
from tests.support.flow_builder import echo_flow
from tests.support.flows import create_flow
from tests.support.process import running
from tests.support.server_processes import (
    START_SECONDS,
    connect_to_each,
    has_ended,
    resident_bytes,
    server_processes,
)
from tests.support.waiting import until

#: An answer during an attack may take this many times as long as the slowest answer before it.
SLOWDOWN_LIMIT = 20
#: Answers that are faster than this pass in any case: the tests share two cores with each other.
TOLERATED_SECONDS = 2.5
#: Answers that are measured before an attack.
QUIET_ROUNDS = 10
_PROBE_INTERVAL_SECONDS = 0.05
#: The part of the log that explains the end of a process.
_LAST_LOG_CHARACTERS = 3000


@dataclass(slots=True)
class Observation:
    """What a bystander saw during an attack."""

    quiet_seconds: float
    slowest_seconds: float = 0.0
    slowest_request: str = ""
    failures: list[str] = field(default_factory=list)
    #: The most that the resident memory of a server process and its descendants has grown, in bytes.
    memory_growth: int = 0
    rounds: int = 0

    @property
    def limit_seconds(self) -> float:
        """How long an answer may take during the attack, in seconds."""
        return max(SLOWDOWN_LIMIT * self.quiet_seconds, TOLERATED_SECONDS)

    def assert_available(self) -> None:
        """Check that every answer came, and none was much slower than before the attack."""
        assert self.rounds, "no request was sent during the attack"
        assert not self.failures, self.failures[:3]
        assert self.slowest_seconds <= self.limit_seconds, (
            f"{self.slowest_request} took {self.slowest_seconds:.2f} s during the attack and at most "
            f"{self.quiet_seconds:.3f} s before it"
        )

    def assert_memory(self, max_growth: int) -> None:
        """Check that the memory of each server process grew by at most `max_growth` bytes during the attack."""
        assert self.memory_growth <= max_growth, f"a process of the server grew by {self.memory_growth >> 20} MiB"


@dataclass(slots=True)
class AttackedServer:
    """A server in separate processes, with an operator, an attacker and a bystander."""

    base_url: str
    #: The process that was started, and the processes that accept connections.
    pid: int
    pids: list[int]
    #: The configuration folder, and the PostgreSQL database, if it is not SQLite.
    folder: Path
    database_url: str | None
    #: Headers with the credentials of the superuser, of an ordinary user who attacks, and of one who does not.
    admin: dict[str, str]
    attacker: dict[str, str]
    bystander: dict[str, str]
    #: A small flow of the bystander.
    flow_id: str

    @property
    def processes(self) -> int:
        """Return the number of processes that accept connections."""
        return len(self.pids)

    def create_user(self) -> dict[str, str]:
        """Create an ordinary user and return headers with the credentials."""
        # An earlier test may have ended the login: a logout ends all sessions of a user.
        self.admin.update(log_in(self.base_url))
        return _create_user(self.base_url, self.admin, f"mallory-{uuid.uuid4()}")

    def with_attacker(self, attacker: dict[str, str]) -> Self:
        """Return the same server with another attacker."""
        return replace(self, attacker=attacker)

    @property
    def log(self) -> str:
        """Return what the server has logged."""
        return log_file(self.folder).read_text()

    def ended_processes(self) -> list[int]:
        """Return the ids of those processes of the server that have ended."""
        return [pid for pid in {self.pid, *self.pids} if has_ended(pid)]

    def assert_running(self) -> None:
        """Check that the attack has ended no process of the server."""
        ended = self.ended_processes()
        assert not ended, (
            f"The processes {ended} of the server have ended during the attack. The end of the log:\n"
            f"{self.log[-_LAST_LOG_CHARACTERS:]}"
        )

    def client(self, headers: dict[str, str] | None = None) -> httpx2.Client:
        """Return a client with these credentials, by default without any."""
        return httpx2.Client(base_url=self.base_url, headers=headers, timeout=60)

    def clients_of_each_process(self, headers: dict[str, str]) -> list[httpx2.Client]:
        """Return a client with these credentials for each server process, connected to it."""
        return connect_to_each(self.base_url, self.pids, headers)

    @contextlib.contextmanager
    def observe(self) -> Iterator[Observation]:
        """Measure a bystander's answers from each process before and during the block, in which the attack takes place."""
        clients = self.clients_of_each_process(self.bystander)
        observation = Observation(self._slowest_of(clients, QUIET_ROUNDS))
        memory = [resident_bytes(pid) for pid in self.pids]
        ended = threading.Event()

        def watch() -> None:
            while not ended.wait(_PROBE_INTERVAL_SECONDS):
                for client in clients:
                    self._probe(client, observation)
                for pid, before in zip(self.pids, memory, strict=True):
                    observation.memory_growth = max(observation.memory_growth, resident_bytes(pid) - before)
                observation.rounds += 1

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            # The attack starts while the bystander is already at work.
            until(lambda: observation.rounds)
            yield observation
        finally:
            ended.set()
            watcher.join()
            for client in clients:
                client.close()

    def _slowest_of(self, clients: list[httpx2.Client], rounds: int) -> float:
        observation = Observation(0.0)
        for client in clients:
            self._probe(client, Observation(0.0))
            for _ in range(rounds):
                self._probe(client, observation)
        assert not observation.failures, observation.failures
        return observation.slowest_seconds

    def _probe(self, client: httpx2.Client, observation: Observation) -> None:
        for method, path in (("GET", "/health"), ("POST", f"/api/v1/run/{self.flow_id}")):
            started = time.monotonic()
            try:
                response = client.request(method, path, json={"input_value": "hello"} if method == "POST" else None)
            except httpx2.HTTPError as error:
                observation.failures.append(f"{path}: {error!r}")
                continue
            seconds = time.monotonic() - started
            if response.status_code != 200:
                observation.failures.append(f"{path}: {response.status_code} {response.text[:200]}")
            if seconds > observation.slowest_seconds:
                observation.slowest_seconds, observation.slowest_request = seconds, path


@contextlib.contextmanager
def attacked_server(
    folder: Path, database_url: str | None = None, *, workers: int = 1, **options: Any
) -> Iterator[AttackedServer]:
    """Start a server, create a bystander, and stop the server at the end.

    Args:
        folder: the configuration folder.
        database_url: a PostgreSQL database; None for SQLite.
        workers: the number of server processes.
        options: environment variables, and arguments of `tests.support.process.start`.

    """
    defaults = {"LANGFLOW_NEW_USER_IS_ACTIVE": "true"}
    # The database is the server's own, so it generates the key.
    options = {
        "LANGFLOW_SECRET_KEY": "",
        **defaults,
        **options,
        "LANGFLOW_WORKERS": str(workers),
        "log": log_file(folder),
    }
    with running(folder, database_url, **options) as (base, pid):
        until(lambda: _answers(base), START_SECONDS)
        admin = log_in(base)
        attacker, bystander = (_create_user(base, admin, name) for name in ("mallory", "bob"))
        with httpx2.Client(base_url=base, headers=bystander) as client:
            flow_id = create_flow(client, echo_flow())
        pids = server_processes(pid, workers)
        yield AttackedServer(base, pid, pids, folder, database_url, admin, attacker, bystander, flow_id)


def log_file(folder: Path) -> Path:
    """Return the file for the log of a server, beside its configuration folder."""
    return folder.with_name(f"{folder.name}.log")


def _answers(base: str) -> bool:
    try:
        return httpx2.get(f"{base}/health").status_code == 200
    except httpx2.HTTPError:
        return False


def _create_user(base: str, admin: dict[str, str], name: str) -> dict[str, str]:
    body = {"username": name, "password": PASSWORD}
    response = httpx2.post(f"{base}/api/v1/users/", json=body, headers=admin, timeout=60)
    assert response.status_code == 201, response.text
    return log_in(base, name)
