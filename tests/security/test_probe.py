"""The probe of the attack tests notices an unavailable server."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from tests.support.deployment import Deployment
from tests.support.probe import AttackedServer
from tests.support.server_pool import ServerPool
from tests.support.waiting import until


def test_the_probe_sees_a_quiet_server_and_a_stopped_process(server: AttackedServer) -> None:
    with server.observe() as quiet:
        threading.Event().wait(0.3)
    quiet.assert_available()
    quiet.assert_memory(64 << 20)
    for pid in server.pids:
        with server.observe() as stopped:
            os.kill(pid, signal.SIGSTOP)
            # Longer than the probe tolerates, so that the request that waits is too late.
            threading.Event().wait(stopped.limit_seconds + 1)
            os.kill(pid, signal.SIGCONT)
        with pytest.raises(AssertionError):
            stopped.assert_available()


def test_a_server_of_which_a_process_has_ended_is_reported_and_replaced(
    deployment: Deployment, tmp_path_factory: pytest.TempPathFactory
) -> None:
    pool = ServerPool(tmp_path_factory.mktemp)
    try:
        server = pool.get(deployment, {}, "first")
        assert pool.get(deployment, {}, "second").pid == server.pid
        server.assert_running()
        os.kill(server.pids[-1], signal.SIGKILL)
        until(server.ended_processes)
        with pytest.raises(AssertionError, match="have ended during the attack"):
            server.assert_running()
        with pytest.raises(AssertionError, match="of the server have ended"):
            server.clients_of_each_process(server.bystander)
        replacement = pool.get(deployment, {}, "third")
        assert replacement.pid != server.pid
        with replacement.observe() as observation:
            replacement.assert_running()
        observation.assert_available()
    finally:
        pool.close()
