"""nginx with a configuration of the documentation."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.support.process import free_port
from tests.support.waiting import until

_FRAME = """
daemon off;
{user}
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {servers}
}}
"""


@contextlib.contextmanager
def nginx(folder: Path, servers: str, *, upstream_port: int) -> Iterator[str]:
    """Run nginx with the blocks `servers`, whose ports 80 and 7860 are replaced, and yield its address."""
    command = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    if command is None:
        pytest.skip("nginx is not installed")
    port = free_port()
    servers = servers.replace("listen 80;", f"listen 127.0.0.1:{port};").replace(":7860;", f":{upstream_port};")
    configuration = folder / "nginx.conf"
    folder.mkdir()
    user = "user root;" if Path("/proc/self").stat().st_uid == 0 else ""
    configuration.write_text(_FRAME.format(folder=folder, servers=servers, user=user))
    process = subprocess.Popen([command, "-p", str(folder), "-c", str(configuration), "-e", str(folder / "error.log")])
    base = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        assert process.poll() is None, (folder / "error.log").read_text()
        try:
            return httpx2.get(base, timeout=2).status_code > 0
        except httpx2.TransportError:
            return False

    try:
        until(answers)
        yield base
    finally:
        process.terminate()
        process.wait(20)
