"""The command line, as a person types it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from headrace.app import create_app
from headrace.settings import Settings
from tests.compat.test_people_code import SHOUT, with_code
from tests.flow_builder import FlowBuilder, echo_flow
from tests.server import serving


def headrace(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from headrace.cli import main; main()", *arguments]
    return subprocess.run(
        command,
        env={**os.environ, "LANGFLOW_CONFIG_DIR": str(folder), **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


def flow_file(folder: Path, data: dict[str, object]) -> str:
    path = folder / "flow.json"
    path.write_text(json.dumps({"name": "f", "data": data}), encoding="utf-8")
    return str(path)


def test_exec_prints_the_answer(tmp_path: Path) -> None:
    done = headrace("exec", flow_file(tmp_path, echo_flow()), "--input-value", "hello", folder=tmp_path)
    assert (done.returncode, done.stdout) == (0, "hello\n")


def test_exec_prints_all_of_it_as_json_and_takes_tweaks(tmp_path: Path) -> None:
    tweaks = json.dumps({"ChatOutput-b": {"sender_name": "Zed"}})
    done = headrace(
        "exec",
        flow_file(tmp_path, echo_flow()),
        "--input-value",
        "hello",
        "--output-format",
        "json",
        "--tweaks",
        tweaks,
        folder=tmp_path,
    )
    assert json.loads(done.stdout)["outputs"][0]["outputs"][0]["artifacts"]["sender_name"] == "Zed"


def test_exec_finds_the_operators_folders(tmp_path: Path) -> None:
    (tmp_path / "components" / "loud").mkdir(parents=True)
    (tmp_path / "components" / "loud" / "shout.py").write_text(SHOUT)
    flow = flow_file(tmp_path, with_code(SHOUT))
    where = {"LANGFLOW_COMPONENTS_PATH": str(tmp_path / "components")}
    done = headrace("exec", flow, "--input-value", "quiet", folder=tmp_path, **where)
    assert "QUIETQUIET" in done.stdout, done.stderr
    without = headrace("exec", flow, "--input-value", "quiet", folder=tmp_path)
    assert "which this server doesn't have" in without.stderr


def test_exec_says_what_is_wrong_in_one_line(tmp_path: Path) -> None:
    data = echo_flow()
    data["nodes"][0]["data"]["type"] = "Teleporter"
    done = headrace("exec", flow_file(tmp_path, data), folder=tmp_path)
    assert done.returncode == 1
    assert "Teleporter" in done.stderr
    assert "Traceback" not in done.stderr


def test_run_refuses_auto_login_beyond_loopback(tmp_path: Path) -> None:
    done = headrace("run", "--host", "0.0.0.0", folder=tmp_path, LANGFLOW_AUTO_LOGIN="true")
    assert done.returncode == 1
    assert "LANGFLOW_SUPERUSER_PASSWORD" in done.stderr


def test_run_refuses_to_start_without_a_password(tmp_path: Path) -> None:
    done = headrace("run", "--port", "0", folder=tmp_path, LANGFLOW_AUTO_LOGIN="false")
    assert done.returncode != 0
    assert "LANGFLOW_SUPERUSER_PASSWORD" in done.stderr
    assert "Traceback" not in done.stderr


def test_migrate_and_superuser_prepare_a_database(tmp_path: Path) -> None:
    assert headrace("migrate", folder=tmp_path).stdout == "The database is up to date.\n"
    made = headrace("superuser", "--username", "root", "--password", "long enough", folder=tmp_path)
    assert (made.returncode, made.stdout) == (0, "root is a superuser.\n")


def test_api_key_makes_a_key_that_opens_the_server(tmp_path: Path) -> None:
    made = headrace("superuser", "--username", "ada", "--password", "x", folder=tmp_path)
    assert made.returncode == 0
    key = headrace("api-key", "--username", "ada", "--name", "ci", "--days", "1", folder=tmp_path).stdout.strip()
    with (
        serving(create_app(Settings(config_dir=tmp_path, superuser="ada"))) as base,
        httpx2.Client(base_url=base, headers={"x-api-key": key}) as client,
    ):
        (listed,) = client.get("/api/v1/api_key/").json()["api_keys"]
        assert (listed["name"], listed["expires_at"] is not None) == ("ci", True)
    nobody = headrace("api-key", "--username", "bob", folder=tmp_path)
    assert (nobody.returncode, nobody.stdout) == (1, "")
    assert "There is no user 'bob'" in nobody.stderr


def test_approvals_are_listed_and_taken_back(tmp_path: Path) -> None:
    headrace("superuser", "--username", "ada", "--password", "long enough", folder=tmp_path)
    key = headrace("api-key", "--username", "ada", folder=tmp_path).stdout.strip()
    app = create_app(Settings(config_dir=tmp_path, superuser="ada"))
    with serving(app) as base, httpx2.Client(base_url=base, headers={"x-api-key": key}) as client:
        made = client.post("/api/v1/flows/", json={"name": "own", "data": with_code(SHOUT)})
        assert made.status_code == 201
    listed = headrace("approvals", folder=tmp_path).stdout.split()
    assert (listed[0], listed[2:]) == (hashlib.sha256(SHOUT.encode()).hexdigest(), ["ada", "Shout"])
    assert headrace("approvals", "--revoke", listed[0], folder=tmp_path).returncode == 0
    assert headrace("approvals", folder=tmp_path).stdout == ""
    again = headrace("approvals", "--revoke", listed[0], folder=tmp_path)
    assert (again.returncode, "No code with the digest" in again.stderr) == (1, True)


def test_importing_the_server_loads_no_provider_and_no_table_library(tmp_path: Path) -> None:
    probe = "import sys, headrace.app; print([m for m in ('langchain_core', 'openai', 'anthropic', 'pandas', 'numpy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.xdist_group("local model")
def test_basic_chat_answers_from_the_local_model(tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp", reason="the extra `local` isn't installed")
    flow = (
        FlowBuilder()
        .node("ChatInput", "ChatInput-a")
        .node(
            "LanguageModelComponent",
            "LanguageModelComponent-m",
            provider="Local",
            model_name="SmolLM2-135M-Instruct",
            temperature=0,
        )
        .node("ChatOutput", "ChatOutput-b")
        .edge("ChatInput-a", "message", "LanguageModelComponent-m", "input_value")
        .edge("LanguageModelComponent-m", "text_output", "ChatOutput-b", "input_value")
        .data
    )
    done = headrace("exec", flow_file(tmp_path, flow), "--input-value", "Say hello.", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.strip()) > 1
