"""Isolated code that sends hostile data to the server does not delay other users and does not fill the server's memory."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest

from tests.isolation.test_confinement import source
from tests.support.accounts import account_prefix, folder_for
from tests.support.clients import log_in
from tests.support.custom_code import answer_text, create_flow, flow_with_code, run_flow
from tests.support.deployment import Deployment
from tests.support.probe import AttackedServer
from tests.support.process import free_port, start
from tests.support.waiting import until

pytestmark = [
    pytest.mark.any_database,
    pytest.mark.skipif(sys.platform != "linux", reason="workers are confined on Linux"),
]

#: Memory that the server and the worker may use during an attack: the worker's own limit, and room for values in transit.
MAX_GROWTH_BYTES = 900 << 20
#: Time for an attack, in seconds. The longest ones send for 4 seconds.
MAX_WAIT_SECONDS = 8
SETTINGS = {
    "HEADRACE_CUSTOM_CODE": "everyone",
    "HEADRACE_CODE_ISOLATION": "process",
    "HEADRACE_CODE_CPU_SECONDS": "4",
    "HEADRACE_CODE_MEMORY_MIB": "500",
    "LANGFLOW_SSRF_ALLOWED_HOSTS": "",
}
RETURN_DATA = "from lfx.schema.data import Data\nself.status = Data(data={{'value': {}}})\nresult = 1"
ATTACKS = {
    "colliding integers in a set": RETURN_DATA.format("{n * (2**61 - 1) for n in range(20_000)}"),
    "colliding integers as keys": RETURN_DATA.format("{n * (2**61 - 1): n for n in range(20_000)}"),
    "many small objects": RETURN_DATA.format("[[] for _ in range(950_000)]"),
    "too many small objects": RETURN_DATA.format("[[] for _ in range(3_000_000)]"),
    "a long text": RETURN_DATA.format("'é' * 3_000_000"),
    "a frame larger than its limit": """
        import os, socket, struct
        for number in range(3, 64):
            try:
                os.write(number, struct.pack('>I', 1 << 31) + b'V' + b'[' * 1000)
            except OSError:
                pass
        result = 1
    """,
    "parts without end": """
        import os, struct
        body = b'[' + b'[],' * 80_000 + b'[]]'
        for number in range(3, 64):
            try:
                os.set_blocking(number, True)
                while True:
                    part = memoryview(struct.pack('>I', len(body)) + b'V' + body)
                    while part:
                        part = part[os.write(number, part):]
            except OSError:
                pass
        result = 1
    """,
    "many tokens": """
        import os, struct, time
        end = time.monotonic() + 4
        frame = b'{"op":"emit_token","args":{"run":1,"chunk":"x","message_id":"1"}}'
        frames = (struct.pack('>I', len(frame)) + b'v' + frame) * 500
        for number in range(3, 64):
            try:
                os.set_blocking(number, True)
                while time.monotonic() < end:
                    os.write(number, frames)
            except OSError:
                pass
        result = 1
    """,
    "many lines": """
        import time
        end = time.monotonic() + 4
        while time.monotonic() < end:
            print('x\\n' * 10_000)
        result = 1
    """,
}


def result_of(attack: str) -> str:
    """Return the source of a component that attacks, and returns what it prepared."""
    code = source(ATTACKS[attack])
    return code.replace("return Message(text=str(result))", "return self.status or Message(text=str(result))")


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.server(**SETTINGS)
def test_hostile_data_of_a_worker_does_not_delay_others(attack: str, server: AttackedServer) -> None:
    with server.client(server.attacker) as client:
        flow = create_flow(client, flow_with_code(result_of(attack), "Probe"))
        # Code that stops its own event loop gets no answer. Its run ends when its caller disconnects.
        client.timeout = httpx2.Timeout(MAX_WAIT_SECONDS)
        with server.observe() as observation, contextlib.suppress(httpx2.TimeoutException):
            run_flow(client, flow["id"])
        client.timeout = httpx2.Timeout(60)
        observation.assert_available()
        observation.assert_memory(MAX_GROWTH_BYTES)
        again = create_flow(client, flow_with_code(source("result = 'well'"), "Probe"))
        assert answer_text(run_flow(client, again["id"])) == "well"


@pytest.mark.parametrize("deployment", [Deployment("sqlite", 3)], ids=str)
@pytest.mark.server(**SETTINGS)
def test_a_worker_inherits_no_file_of_the_server(server: AttackedServer) -> None:
    body = """
        import os
        result = []
        for number in range(3, 256):
            try:
                result.append(os.fstat(number).st_ino)
            except OSError:
                pass
    """
    with server.client(server.attacker) as client:
        flow = create_flow(client, flow_with_code(source(body), "Probe"))
        inodes = json.loads(answer_text(run_flow(client, flow["id"])))
    # The RPC connection and the network channel at least.
    assert len(inodes) > 1
    # The kernel's name of a socket or pipe, such as `socket:[123]`, contains its inode.
    names = [str(file.readlink()) for pid in [server.pid, *server.pids] for file in Path(f"/proc/{pid}/fd").iterdir()]
    assert [name for name in names if any(f":[{inode}]" in name for inode in inodes)] == []


@pytest.mark.parametrize("account", ["root", "ordinary user"])
def test_a_worker_dies_with_a_killed_server_whatever_its_code_does(account: str, tmp_path: Path) -> None:
    body = """
        import ctypes, os, signal, threading
        for number in range(1, 64):
            ctypes.CDLL(None).signal(number, 1)
        ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)
        def work():
            while True:
                pass
        threading.Thread(target=work, daemon=True).start()
        result = os.getpid()
    """
    port = free_port()
    settings: dict[str, Any] = {**SETTINGS, "HEADRACE_CODE_CPU_SECONDS": "60"}
    server = start(port, folder_for(account, tmp_path), before=account_prefix(account), **settings)
    base = f"http://127.0.0.1:{port}"
    try:
        with httpx2.Client(base_url=base, headers=log_in(base), timeout=60) as client:
            flow = create_flow(client, flow_with_code(source(body), "Probe"))
            worker = psutil.Process(int(answer_text(run_flow(client, flow["id"]))))
        assert worker.is_running()
        assert worker.uids().real != 0
        os.kill(server.pid, signal.SIGKILL)
        server.wait(20)
        until(lambda: not worker.is_running())
    finally:
        server.kill()
