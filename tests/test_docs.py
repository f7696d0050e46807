"""The README and the docs are true: their lines run, and what exists is in them."""

from __future__ import annotations

import json
import re
import subprocess
import uuid
from pathlib import Path

import httpx2
import pytest

from headrace.app import create_app
from headrace.cli import app as command_line
from headrace.settings import Settings
from tests.flow_builder import echo_flow
from tests.server import serving

ROOT = Path(__file__).parent.parent
ADDRESS = "http://127.0.0.1:7860"


def shell_blocks(page: Path) -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return [b for b in blocks if "curl" in b]


def run_shell(script: str, folder: Path) -> str:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], capture_output=True, text=True, cwd=folder, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.xdist_group("local model")
def test_the_quick_start_works_as_printed(tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp", reason="the extra `local` isn't installed")
    with serving(create_app(Settings(config_dir=tmp_path))) as address:
        blocks = [*shell_blocks(ROOT / "README.md"), *shell_blocks(ROOT / "docs" / "running-flows.md")]
        printed = run_shell("\necho\n".join(blocks).replace(ADDRESS, address), tmp_path)
        answer, stored, again, advanced, told = (json.loads(line) for line in printed.splitlines() if line)
        said = answer["outputs"][0]["outputs"][0]["results"]["message"]["text"]
        assert said
        assert [m["text"] for m in stored] == ["What is a mill?", said]
        assert again["session_id"] == "ada"
        assert len(advanced["outputs"]) == 2
        assert (told[0], told[-1]) == ("vertices_sorted", "end")


PAGES = sorted((ROOT / "docs" / "api").glob("*.md"))


@pytest.mark.xdist_group("local model")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_lines_of_an_api_page_work_as_printed(tmp_path: Path, page: Path) -> None:
    blocks = shell_blocks(page)
    if page.stem in {"monitor", "openai", "webhooks"}:
        pytest.importorskip("xllamacpp", reason="the extra `local` isn't installed")
    with serving(create_app(Settings(config_dir=tmp_path / "server"))) as address:
        login = httpx2.get(f"{address}/api/v1/auto_login").json()
        bearer = {"authorization": f"Bearer {login['access_token']}"}
        key = httpx2.post(f"{address}/api/v1/api_key/", json={}, headers=bearer).json()["api_key"]
        # An error of the server is an error of the line.
        begin = f'KEY={key}\ncurl() {{ command curl --fail-with-body "$@"; }}\n'
        printed = run_shell(begin + "\n".join(blocks).replace(ADDRESS, address), tmp_path)
    assert bool(printed) == bool(blocks)


def test_every_address_is_documented(tmp_path: Path) -> None:
    pages = "".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs").rglob("*.md"))
    for path in create_app(Settings(config_dir=tmp_path)).openapi()["paths"]:
        assert f"{path}`" in pages, path


def test_the_flow_of_a_new_server_is_the_users_own_and_can_be_renamed(tmp_path: Path) -> None:
    with serving(create_app(Settings(config_dir=tmp_path))) as address, httpx2.Client(base_url=address) as client:
        client.get("/api/v1/auto_login")
        (project,) = client.get("/api/v1/projects/").json()
        (flow,) = client.get("/api/v1/flows/").json()
        assert (project["name"], flow["name"], flow["folder_id"]) == ("Starter Project", "Basic Chat", project["id"])
        made = client.post("/api/v1/flows/", json={"name": str(uuid.uuid4()), "data": echo_flow()})
        assert made.status_code == 201


@pytest.mark.parametrize(
    "headers", [{"host": "rebound.example"}, {"x-forwarded-for": "203.0.113.9"}, {"forwarded": "for=203.0.113.9"}]
)
def test_auto_login_is_for_this_machine_alone(tmp_path: Path, headers: dict[str, str]) -> None:
    with serving(create_app(Settings(config_dir=tmp_path))) as address:
        assert httpx2.get(f"{address}/api/v1/auto_login", headers=headers).status_code == 400
    with serving(create_app(Settings(config_dir=tmp_path, allow_public_auto_login=True))) as address:
        assert httpx2.get(f"{address}/api/v1/auto_login", headers=headers).status_code == 200


def test_every_command_and_extra_is_documented() -> None:
    commands = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
    names = [c.name or (c.callback.__name__ if c.callback else "") for c in command_line.registered_commands]
    assert names
    for name in names:
        assert f"`headrace {name}" in commands
    everything = "".join(
        page.read_text(encoding="utf-8") for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    )
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    extras = re.findall(
        r"^(\w+) = \[",
        pyproject.partition("[project.optional-dependencies]")[2].partition("[dependency-groups]")[0],
        re.MULTILINE,
    )
    for extra in extras:
        assert f"`{extra}`" in everything or f"headrace[{extra}]" in everything, extra
