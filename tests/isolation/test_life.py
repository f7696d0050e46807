"""Workers start on demand, and stop when they are idle or when the server stops."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from pathlib import Path
from uuid import UUID

import httpx2
import psutil
import pytest

from headrace.app import create_app
from headrace.isolation.host.worker_pool import WorkerPool
from headrace.isolation.limits import ResourceLimits
from headrace.net.egress import EgressGuard
from tests.conftest import settings_for
from tests.isolation.test_confinement import source
from tests.support.clients import log_in
from tests.support.custom_code import answer_text, create_flow, flow_with_code, run_flow
from tests.support.process import free_port, running, start
from tests.support.server import serving
from tests.support.waiting import until

PROCESS_AND_FOLDER = "import os\nresult = f'{os.getpid()} {os.getcwd()}'"


def worker_of(base: str) -> tuple[psutil.Process, Path]:
    """Run custom code on a server, and return its worker process and its folder."""
    with httpx2.Client(base_url=base, headers=log_in(base), timeout=30) as client:
        number, folder = answer_text(
            run_flow(client, create_flow(client, flow_with_code(source(PROCESS_AND_FOLDER), "Probe"))["id"])
        ).split()
        return psutil.Process(int(number)), Path(folder)


def worker_processes() -> set[psutil.Process]:
    children = psutil.Process().children(recursive=True)
    return {c for c in children if c.is_running() and "headrace.isolation.guest.worker_main" in command_of(c)}


def command_of(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []


def is_gone(process: psutil.Process, folder: Path) -> bool:
    return not process.is_running() and not folder.exists()


def test_an_idle_worker_is_stopped_and_the_next_run_starts_another(tmp_path: Path) -> None:
    with serving(create_app(settings_for(tmp_path, code_idle_seconds=0.5))) as base:
        first, folder = worker_of(base)
        until(lambda: is_gone(first, folder))
        second, _ = worker_of(base)
        assert second.pid != first.pid


def test_a_worker_starts_with_the_first_code_and_stops_with_the_server(tmp_path: Path) -> None:
    # Other servers of this process may have workers.
    before = worker_processes()
    with serving(create_app(settings_for(tmp_path))) as base:
        assert worker_processes() <= before
        process, folder = worker_of(base)
        assert folder.is_dir()
    assert is_gone(process, folder)


def test_a_worker_exits_when_the_server_is_killed(tmp_path: Path) -> None:
    port = free_port()
    server = start(port, tmp_path)
    try:
        process, _ = worker_of(f"http://127.0.0.1:{port}")
        os.kill(server.pid, signal.SIGKILL)
        server.wait(20)
        until(lambda: not process.is_running())
    finally:
        server.kill()


def test_a_worker_of_a_server_process_reaches_only_allowed_hosts(tmp_path: Path, model_url: str) -> None:
    fetches = "import urllib.request\nresult = urllib.request.urlopen(text, timeout=10).read().decode().isdigit()"
    address = f"{model_url.removesuffix('/v1')}/count"
    for allowed, outcome in (("127.0.0.1", "True"), ("elsewhere", "127.0.0.1 is a private or local address")):
        with (
            running(tmp_path / allowed, LANGFLOW_SSRF_ALLOWED_HOSTS=allowed) as (base, _),
            httpx2.Client(base_url=base, headers=log_in(base), timeout=30) as client,
        ):
            flow = create_flow(client, flow_with_code(source(fetches), "Probe"))
            assert outcome in run_flow(client, flow["id"], address).text


def test_a_missing_kernel_feature_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    async def go() -> None:
        workers = WorkerPool(ResourceLimits(), EgressGuard(enabled=True, allowed=[]), max_workers=2, idle_seconds=60)
        try:
            for number in (1, 2):
                await workers.reserve(UUID(int=number))
            for _ in range(2):
                workers.warn_missing_features({"landlock": False, "seccomp": True})
        finally:
            await workers.close()

    with caplog.at_level(logging.WARNING):
        asyncio.run(go())
    warnings = [r.getMessage().split(":")[0] for r in caplog.records if r.name.startswith("headrace")]
    assert warnings == ["the kernel does not support landlock"]
