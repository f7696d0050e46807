"""Generate the tables of clients from the matrix that the tests check, and from the scripts that they run."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tests.clients.client import LANGFLOW_CAPABILITIES, OPENAI_CAPABILITIES, Client, Runtime
from tests.clients.matrix import CLIENTS, LANGFLOW_CLIENTS
from tools.reference.markdown import format_table

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "tests" / "clients" / "scripts"
_LOCKS = {
    Runtime.PYTHON: ROOT / "requirements" / "dev.txt",
    Runtime.CLIENTS: ROOT / "requirements" / "clients.txt",
    Runtime.NODE: ROOT / "tests" / "clients" / "package-lock.json",
}
_SETUP = re.compile(r"^(?:#|//) set-up[^\n]*\n(.*?)^(?:#|//) end$", re.MULTILINE | re.DOTALL)
#: The cell of a capability that a client lacks.
_MISSING = "no"
_LANGUAGES = {".py": "python", ".mjs": "js"}


def openai_matrix() -> str:
    """Return a table of the clients of the OpenAI API and their capabilities."""
    return _matrix(CLIENTS, OPENAI_CAPABILITIES)


def langflow_matrix() -> str:
    """Return a table of the clients of Langflow's API and their capabilities."""
    return _matrix(LANGFLOW_CLIENTS, LANGFLOW_CAPABILITIES)


def client_section(script: str) -> str:
    """Return the packages of a client with the versions that are tested, its set-up, and its functions."""
    clients = [client for client in (*CLIENTS, *LANGFLOW_CLIENTS) if client.script == script]
    if not clients:
        raise ValueError(f"No client has the script {script!r}.")
    parts = [_packages(clients), _set_up(SCRIPTS / script), _functions(clients)]
    return "\n".join(part for part in parts if part)


def _matrix(clients: Sequence[Client], titles: Mapping[str, str]) -> str:
    rows = [[c.name, *("✓" if name in c.capabilities else _MISSING for name in titles)] for c in clients]
    notes = [f"- {c.name}, {titles[name]}: {reason}" for c in clients for name, reason in c.missing.items()]
    return "\n".join([format_table(("client", *titles.values()), rows), *notes]) + "\n"


def _packages(clients: Sequence[Client]) -> str:
    packages = dict.fromkeys(package for client in clients for package in client.packages)
    versions = [f"`{package}` {_version(package, clients[0].runtime)}" for package in packages]
    return f"Tested with {_enumerate(versions)}.\n" if versions else ""


def _version(package: str, runtime: Runtime) -> str:
    text = _LOCKS[runtime].read_text(encoding="utf-8")
    if runtime is Runtime.NODE:
        return str(json.loads(text)["packages"][f"node_modules/{package}"]["version"])
    match = re.search(rf"^{re.escape(package)}==(\S+)", text, re.MULTILINE)
    if match is None:
        raise ValueError(f"{_LOCKS[runtime].name} does not contain {package!r}. Run: make lock")
    return match[1]


def _set_up(script: Path) -> str:
    regions = _SETUP.findall(script.read_text(encoding="utf-8"))
    code = "\n".join(region.strip("\n") + "\n" for region in regions)
    return f"```{_LANGUAGES[script.suffix]}\n{code}```\n" if code else ""


def _functions(clients: Sequence[Client]) -> str:
    titles = {**OPENAI_CAPABILITIES, **LANGFLOW_CAPABILITIES}
    names = dict.fromkeys(name for client in clients for name in client.capabilities)
    rows = [(titles[name], *(client.capabilities.get(name, _MISSING) for client in clients)) for name in names]
    headers = [client.name for client in clients] if len(clients) > 1 else ["with"]
    return format_table(("capability", *headers), rows)


def _enumerate(texts: Iterable[str]) -> str:
    *first, last = texts
    return f"{', '.join(first)} and {last}" if first else last
