"""The probe of the attack tests notices an unavailable server."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from tests.support.probe import AttackedServer


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
