"""Workers come when they are needed and go when they are not, whatever becomes of the server."""

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
from headrace.egress import GuardedEgress
from headrace.isolation.limits import Limits
from headrace.isolation.workers import Workers
from tests.clients import log_in
from tests.compat.test_people_code import ran, saved, text_of, with_code
from tests.conftest import settings_for
from tests.isolation.test_confinement import source
from tests.process import free_port, running, start
from tests.server import serving
from tests.waiting import until

WHO = "import os\nfound = f'{os.getpid()} {os.getcwd()}'"


def worker_of(base: str) -> tuple[psutil.Process, Path]:
    """Run own code on a server, and return the process that ran it and its folder."""
    with httpx2.Client(base_url=base, headers=log_in(base), timeout=30) as client:
        number, folder = text_of(ran(client, saved(client, with_code(source(WHO), "Probe"))["id"])).split()
        return psutil.Process(int(number)), Path(folder)


def is_gone(process: psutil.Process, folder: Path) -> bool:
    return not process.is_running() and not folder.exists()


def test_a_worker_without_work_ends_and_the_next_run_has_another(tmp_path: Path) -> None:
    with serving(create_app(settings_for(tmp_path, code_idle_seconds=0.5))) as base:
        first, folder = worker_of(base)
        until(lambda: is_gone(first, folder))
        second, _ = worker_of(base)
        assert second.pid != first.pid


def test_no_worker_is_there_before_code_runs_and_none_after_the_server(tmp_path: Path) -> None:
    with serving(create_app(settings_for(tmp_path))) as base:
        assert not [c for c in psutil.Process().children(recursive=True) if "headrace.isolation.child" in c.cmdline()]
        process, folder = worker_of(base)
        assert folder.is_dir()
    assert is_gone(process, folder)


def test_a_worker_ends_with_a_server_that_is_killed(tmp_path: Path) -> None:
    port = free_port()
    server = start(port, tmp_path)
    try:
        process, _ = worker_of(f"http://127.0.0.1:{port}")
        os.kill(server.pid, signal.SIGKILL)
        server.wait(20)
        until(lambda: not process.is_running())
    finally:
        server.kill()


def test_a_worker_of_a_server_as_operators_start_it_reaches_what_is_allowed(tmp_path: Path, model_url: str) -> None:
    fetches = "import urllib.request\nfound = urllib.request.urlopen(said, timeout=10).read().decode().isdigit()"
    address = f"{model_url.removesuffix('/v1')}/count"
    for allowed, outcome in (("127.0.0.1", "True"), ("elsewhere", "127.0.0.1 is a private or local address")):
        with (
            running(tmp_path / allowed, LANGFLOW_SSRF_ALLOWED_HOSTS=allowed) as (base, _),
            httpx2.Client(base_url=base, headers=log_in(base), timeout=30) as client,
        ):
            flow = saved(client, with_code(source(fetches), "Probe"))
            assert outcome in ran(client, flow["id"], address).text


def test_an_operator_is_told_once_where_the_kernel_cannot_close_a_worker_in(caplog: pytest.LogCaptureFixture) -> None:
    async def go() -> None:
        workers = Workers(Limits(), GuardedEgress(enabled=True, allowed=[]), most=2, idle_seconds=60)
        try:
            for number in (1, 2):
                await workers.make_room(UUID(int=number))
            for _ in range(2):
                workers.warn_of({"landlock": False, "seccomp": True})
        finally:
            await workers.close()

    with caplog.at_level(logging.WARNING):
        asyncio.run(go())
    told = [r.getMessage().split(":")[0] for r in caplog.records if r.name.startswith("headrace")]
    assert told == ["this machine's kernel has no landlock"]
