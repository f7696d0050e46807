"""Run the scripts of clients, each once, in a process of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.clients.client import Client, Runtime
from tests.support.missing_tool import skip
from tests.support.recording_model import RecordingModel

ROOT = Path(__file__).parents[2]
SCRIPTS = Path(__file__).parent / "scripts"
NODE_MODULES = Path(__file__).parent / "node_modules"
CLIENTS_PYTHON = ROOT / ".venv-clients" / "bin" / "python"
NODE_REQUIRED = os.environ.get("HEADRACE_TEST_REQUIRE_NODE") == "1"
CLIENTS_REQUIRED = os.environ.get("HEADRACE_TEST_REQUIRE_CLIENTS") == "1"
MIN_NODE_VERSION = 20
#: A script imports large packages, on a busy machine.
MAX_SECONDS = 300


@dataclass(frozen=True, slots=True)
class ScriptRun:
    """The report of a script, and the bodies of the requests that the model server received meanwhile."""

    report: dict[str, dict[str, dict[str, Any]]]
    bodies: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class ClientRun:
    """What a client did."""

    client: Client
    script: ScriptRun

    @property
    def capabilities(self) -> set[str]:
        """The capabilities that the client used."""
        return set(self.script.report[self.client.part])

    def value(self, capability: str) -> Any:
        """Return the result of a capability."""
        result = self.script.report[self.client.part][capability]
        assert "failed" not in result, result["failed"]
        return result["value"]

    def bodies(self, capability: str) -> list[dict[str, Any]]:
        """Return the bodies of the model requests of a capability."""
        # The name of a capability can start like another one.
        text = re.compile(rf"{self.client.part}: {capability}\b")
        return [body for body in self.script.bodies if text.search(json.dumps(body["messages"]))]


class ScriptRuns:
    """The runs of all scripts, each on first use."""

    def __init__(self, target: dict[str, Any], folder: Path, model: RecordingModel) -> None:
        self._target = target
        self._folder = folder
        self._model = model
        self._runs: dict[str, ScriptRun | str] = {}

    def get(self, client: Client) -> ClientRun:
        """Return what a client did. Without its packages, skip the test."""
        if client.script not in self._runs:
            self._runs[client.script] = self._run(client, _command(client))
        run = self._runs[client.script]
        if isinstance(run, str):
            pytest.fail(run)
        return ClientRun(client, run)

    def _run(self, client: Client, command: list[str]) -> ScriptRun | str:
        """Return the run of a script, or the output of a script that printed no report."""
        folder = self._folder / client.script
        folder.mkdir()
        target = json.dumps({**self._target, "folder": str(folder)})
        self._model.bodies.clear()
        done = subprocess.run(
            [*command, target],
            cwd=ROOT,
            env=_environment(),
            capture_output=True,
            text=True,
            timeout=MAX_SECONDS,
        )
        if done.returncode:
            return f"{client.script} failed: {done.stdout}{done.stderr}"
        # Clients print messages of their own before the report.
        return ScriptRun(json.loads(done.stdout.splitlines()[-1]), list(self._model.bodies))


def _environment() -> dict[str, str]:
    """Return the environment without the settings of other servers. The clients load nothing from other hosts."""
    names = ("OPENAI_", "LANGCHAIN_", "LANGSMITH_", "LITELLM_", "LLM_", "AI_")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(names)}
    return {**inherited, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LANGSMITH_TRACING": "false"}


def _command(client: Client) -> list[str]:
    if client.runtime is Runtime.NODE:
        node = shutil.which("node")
        if node is None or _node_version(node) < MIN_NODE_VERSION:
            reason = f"Node.js {MIN_NODE_VERSION} or later is not installed: `node` on the PATH is missing or older"
            skip(reason, required=NODE_REQUIRED)
        if not NODE_MODULES.is_dir():
            skip("the JavaScript clients are not installed: run `make clients`", required=NODE_REQUIRED)
        return [str(node), str(SCRIPTS / client.script)]
    if client.runtime is Runtime.CURL and shutil.which("curl") is None:
        skip("curl is not installed", required=False)
    if client.runtime is Runtime.CLIENTS and not CLIENTS_PYTHON.exists():
        skip("the Python clients are not installed: run `make clients`", required=CLIENTS_REQUIRED)
    python = str(CLIENTS_PYTHON) if client.runtime is Runtime.CLIENTS else sys.executable
    return [python, "-m", f"{__package__}.scripts.{Path(client.script).stem}"]


def _node_version(node: str) -> int:
    return int(subprocess.check_output([node, "--version"], text=True).removeprefix("v").partition(".")[0])
