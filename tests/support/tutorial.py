"""Follow a page of the documentation as a reader would: write its files, start its servers, run its commands.

The language of a fenced block says what the reader does with it:

- a block with a title is a file of this name;
- `sh` with the title `Server` starts a server, and stops the one before;
- `sh` is run, with the variables that earlier blocks have set;
- `text` is output of the last command;
- `console` and others are not run.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from tests.support.process import free_port
from tests.support.waiting import until

SERVER = "Server"
#: The port in the documentation, which is replaced by a free one.
PORT = "7860"
_BLOCK = re.compile(
    r'^```(?P<language>\w+)(?: title="(?P<title>[^"]+)")?\n(?P<content>.*?)^```$', re.DOTALL | re.MULTILINE
)
_PROLOGUE = """set -euo pipefail
set -a
curl() { command curl --fail-with-body --silent --show-error "$@"; }
[ ! -f .variables ] || . ./.variables
"""
_EPILOGUE = "\nexport -p > .variables\n"
_START_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of a page."""

    language: str
    title: str | None
    content: str


def blocks_of(page: Path) -> list[Block]:
    """Return the fenced blocks of a page, in order."""
    return [Block(**match.groupdict()) for match in _BLOCK.finditer(page.read_text(encoding="utf-8"))]


def follow(page: Path, folder: Path) -> None:
    """Follow a page in an empty folder, which is also the home folder. Fail at the first command that fails."""
    port = str(free_port())
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("LANGFLOW_", "HEADRACE_"))}
    environment |= {
        "HOME": str(folder),
        "LANGFLOW_PORT": port,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}",
    }
    printed = ""
    with ExitStack() as server:
        for block in blocks_of(page):
            content = block.content.replace(PORT, port)
            if block.language == "sh" and block.title == SERVER:
                server.close()
                server.enter_context(_running(content, folder, environment, port))
            elif block.title is not None:
                path = folder / block.title
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(content, encoding="utf-8")
            elif block.language == "sh":
                printed = _run(content, folder, environment)
            elif block.language == "text":
                missing = [line for line in content.splitlines() if line not in printed]
                assert not missing, f"{page.name}: the output does not contain {missing}:\n{printed}"


def _run(script: str, folder: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        ["bash", "-c", _PROLOGUE + script + _EPILOGUE],
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment,
        timeout=180,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@contextmanager
def _running(command: str, folder: Path, environment: dict[str, str], port: str) -> Iterator[None]:
    process = subprocess.Popen(
        ["bash", "-c", f"exec env {command}"],
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until(lambda: process.poll() is not None or _responds(port), _START_SECONDS)
        assert process.poll() is None, f"{command} ended with status {process.returncode}"
        yield
    finally:
        process.terminate()
        process.wait(30)


def _responds(port: str) -> bool:
    try:
        return httpx2.get(f"http://127.0.0.1:{port}/health_check").status_code == 200
    except httpx2.TransportError:
        return False
