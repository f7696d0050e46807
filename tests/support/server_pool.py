"""Servers that tests with the same settings share, because a start takes seconds."""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.deployment import Deployment
from tests.support.probe import AttackedServer, attacked_server

#: Servers that run at the same time. Tests that share one follow each other, mostly.
MAX_SERVERS = 2
#: The mark with the settings of a test's server. Marks of a function add to those of its module.
MARK = "server"
#: Model servers and sites of the tests listen on the loopback address.
DEFAULTS = {"LANGFLOW_SSRF_ALLOWED_HOSTS": "127.0.0.1"}


@dataclass(frozen=True, slots=True)
class FromFixture:
    """The value of a setting that is the value of a fixture."""

    name: str


def server_settings(item: pytest.Item) -> dict[str, str | FromFixture]:
    """Return the settings of the server that a test uses."""
    settings: dict[str, str | FromFixture] = {}
    # From the module to the function, then to its parameters.
    for mark in reversed(list(item.iter_markers(MARK))):
        settings |= mark.kwargs
    return settings


def group_of(item: pytest.Item, deployment: object) -> str:
    """Return the name of the group of tests that share the server of this test."""
    settings = (f"{name}={value}" for name, value in sorted(server_settings(item).items()))
    return " ".join([str(deployment), *settings])


@dataclass(frozen=True, slots=True)
class _SharedServer:
    server: AttackedServer
    stack: contextlib.ExitStack
    #: Credentials by test module.
    attackers: dict[str, dict[str, str]] = field(default_factory=dict)


class ServerPool:
    """Running servers by deployment and settings."""

    def __init__(self, new_folder: Callable[[str], Path]) -> None:
        self._new_folder = new_folder
        self._servers: OrderedDict[object, _SharedServer] = OrderedDict()

    def get(self, deployment: Deployment, settings: Mapping[str, str], module: str) -> AttackedServer:
        """Return a running server, started on first use, with an attacker for this test module.

        The server that was not used for longest is stopped if there are too many. A server of which a process has ended is
        replaced by a new one.
        """
        settings = {**DEFAULTS, **settings}
        key = (deployment, frozenset(settings.items()))
        if key in self._servers and self._servers[key].server.ended_processes():
            self._servers.pop(key).stack.close()
        if key not in self._servers:
            while len(self._servers) >= MAX_SERVERS:
                self._servers.popitem(last=False)[1].stack.close()
            with contextlib.ExitStack() as stack:
                url = stack.enter_context(deployment.new_database())
                folder = self._new_folder("server")
                server = attacked_server(folder, url, workers=deployment.processes, **settings)
                self._servers[key] = _SharedServer(stack.enter_context(server), stack.pop_all())
        self._servers.move_to_end(key)
        shared = self._servers[key]
        if module not in shared.attackers:
            # The server starts with an attacker for the first module.
            is_first = not shared.attackers
            shared.attackers[module] = shared.server.attacker if is_first else shared.server.create_user()
        return shared.server.with_attacker(shared.attackers[module])

    def close(self) -> None:
        """Stop all servers."""
        while self._servers:
            self._servers.popitem()[1].stack.close()
