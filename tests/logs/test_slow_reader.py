"""A slow or missing reader of the log does not stop the server, and no line is lost without a trace."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import httpx2

from headrace.logs.queued_handler import MAX_WAITING_CHARACTERS
from tests.support.process import free_port, start
from tests.support.waiting import until

CRASH = """
import logging, os, signal
from headrace.logs.configuration import configure_logging
from headrace.logs.queued_handler import log_written_in_thread
from headrace.settings import load_settings
configure_logging(load_settings().logging)
with log_written_in_thread():
    for n in range(100):
        logging.getLogger("headrace.example").info("line %d", n)
    logging.getLogger("headrace.example").error("the last line")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def read_all(descriptor: int, chunks: list[bytes]) -> None:
    os.set_blocking(descriptor, True)
    while chunk := os.read(descriptor, 65536):
        chunks.append(chunk)


def test_a_reader_that_stops_does_not_stop_the_server_and_learns_how_many_lines_were_dropped(tmp_path: Path) -> None:
    pipe = tmp_path / "log"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    port = free_port()
    process = start(port, tmp_path / "config", log=pipe)
    chunks: list[bytes] = []
    thread = threading.Thread(target=read_all, args=(reader, chunks))
    try:
        count = 2 * MAX_WAITING_CHARACTERS // 7000
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
            for n in range(count):
                assert client.get(f"/api/v1/version/{n}-{'x' * 7000}").status_code in {401, 403, 404}
            thread.start()
            dropped = until(lambda: re.search(rb"(\d+) lines of the log were dropped", b"".join(chunks)))
            written = set(re.findall(rb"GET /api/v1/version/(\d+)-", b"".join(chunks)))
            assert len(written) + int(dropped[1]) == count
            assert client.get("/api/v1/version/last-line").status_code in {401, 403, 404}
    finally:
        process.terminate()
        process.wait(20)
    thread.join(20)
    os.close(reader)
    assert b"GET /api/v1/version/last-line" in b"".join(chunks)


def test_an_error_is_in_the_log_of_a_process_that_is_killed_directly_after_it() -> None:
    for _ in range(5):
        ended = subprocess.run([sys.executable, "-c", CRASH], capture_output=True, text=True, check=False)
        assert "the last line" in ended.stderr
