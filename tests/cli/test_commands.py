"""The commands of `headrace`, each in a process of its own."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from headrace.app import create_app
from headrace.settings import load_settings
from tests.support.command import headrace
from tests.support.custom_code import SHOUT, flow_with_code
from tests.support.flow_builder import FlowBuilder, echo_flow
from tests.support.server import serving


def flow_file(folder: Path, data: dict[str, object]) -> str:
    path = folder / "flow.json"
    path.write_text(json.dumps({"name": "f", "data": data}), encoding="utf-8")
    return str(path)


def test_exec_prints_the_answer(tmp_path: Path) -> None:
    result = headrace("exec", flow_file(tmp_path, echo_flow()), "--input-value", "hello", folder=tmp_path)
    assert (result.returncode, result.stdout) == (0, "hello\n")


def test_exec_prints_the_complete_result_as_json_and_applies_tweaks(tmp_path: Path) -> None:
    tweaks = json.dumps({"ChatOutput-b": {"sender_name": "Zed"}})
    result = headrace(
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
    assert json.loads(result.stdout)["outputs"][0]["outputs"][0]["artifacts"]["sender_name"] == "Zed"


def test_exec_loads_components_from_the_configured_folders(tmp_path: Path) -> None:
    (tmp_path / "components" / "loud").mkdir(parents=True)
    (tmp_path / "components" / "loud" / "shout.py").write_text(SHOUT)
    flow = flow_file(tmp_path, flow_with_code(SHOUT))
    environment = {"LANGFLOW_COMPONENTS_PATH": str(tmp_path / "components")}
    result = headrace("exec", flow, "--input-value", "quiet", folder=tmp_path, **environment)
    assert "QUIETQUIET" in result.stdout, result.stderr
    without = headrace("exec", flow, "--input-value", "quiet", folder=tmp_path)
    assert "Component Shout (Shout-c)" in without.stderr


def test_exec_prints_the_lines_of_a_component_that_fails(tmp_path: Path) -> None:
    (tmp_path / "components" / "loud").mkdir(parents=True)
    (tmp_path / "components" / "loud" / "shout.py").write_text(SHOUT.replace("self.input_value.upper()", "1 / 0"))
    environment = {"LANGFLOW_COMPONENTS_PATH": str(tmp_path / "components")}
    result = headrace("exec", flow_file(tmp_path, flow_with_code(SHOUT)), folder=tmp_path, **environment)
    assert result.returncode == 1
    assert (
        "in build_output\n    data = Data(value=1 / 0 * self.times)\nZeroDivisionError: division by zero"
        in result.stderr
    )
    assert "site-packages" not in result.stderr


def test_exec_prints_an_error_without_a_traceback(tmp_path: Path) -> None:
    data = echo_flow()
    component = data["nodes"][0]["data"]
    component["type"] = "Teleporter"
    del component["node"]["template"]["code"]
    result = headrace("exec", flow_file(tmp_path, data), folder=tmp_path)
    assert result.returncode == 1
    assert "Teleporter" in result.stderr
    assert "Traceback" not in result.stderr


def test_migrate_and_superuser_prepare_a_database(tmp_path: Path) -> None:
    assert headrace("migrate", folder=tmp_path).stdout == "The database is up to date.\n"
    created = headrace("superuser", "--username", "root", "--password", "long enough", folder=tmp_path)
    assert (created.returncode, created.stdout) == (0, "root is a superuser.\n")


def test_api_key_creates_a_key_that_the_server_accepts(tmp_path: Path) -> None:
    created = headrace("superuser", "--username", "ada", "--password", "x", folder=tmp_path)
    assert created.returncode == 0
    key = headrace("api-key", "--username", "ada", "--name", "ci", "--days", "1", folder=tmp_path).stdout.strip()
    with (
        serving(create_app(load_settings(config_dir=tmp_path, superuser="ada"))) as base,
        httpx2.Client(base_url=base, headers={"x-api-key": key}) as client,
    ):
        (listed,) = client.get("/api/v1/api_key/").json()["api_keys"]
        assert (listed["name"], listed["expires_at"] is not None) == ("ci", True)
    unknown = headrace("api-key", "--username", "bob", folder=tmp_path)
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert "User 'bob' does not exist" in unknown.stderr


def test_approvals_are_given_listed_and_revoked(tmp_path: Path) -> None:
    source, flow = tmp_path / "shout.py", tmp_path / "flow.json"
    source.write_text(SHOUT)
    flow.write_text(json.dumps({"name": "own", "data": flow_with_code(f"{SHOUT}# other")}))
    digests = [hashlib.sha256(code.encode()).hexdigest() for code in (SHOUT, f"{SHOUT}# other")]
    assert headrace("approvals", "approve", str(source), str(flow), "f" * 64, folder=tmp_path).returncode == 0
    listed = [line.split() for line in headrace("approvals", folder=tmp_path).stdout.splitlines()]
    expected = {digests[0]: "shout", digests[1]: "Shout", "f" * 64: "-"}
    assert {line[0]: line[-1] for line in listed} == expected
    assert {tuple(line[2:5]) for line in listed} == {("-", "command", "line")}
    assert headrace("approvals", "revoke", str(source), "f" * 64, folder=tmp_path).returncode == 0
    assert headrace("approvals", "--revoke", digests[1], folder=tmp_path).returncode == 0
    assert headrace("approvals", "list", folder=tmp_path).stdout == ""
    second_revocation = headrace("approvals", "revoke", digests[0], folder=tmp_path)
    assert (second_revocation.returncode, "No code with the digest" in second_revocation.stderr) == (1, True)
    unknown = headrace("approvals", "approve", "nothing", folder=tmp_path)
    assert (unknown.returncode, "neither a SHA-256 digest" in unknown.stderr) == (1, True)


def test_importing_the_server_loads_no_provider_and_no_table_library(tmp_path: Path) -> None:
    probe = "import sys, headrace.app; print([m for m in ('langchain_core', 'openai', 'anthropic', 'pandas', 'numpy') if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"


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
    result = headrace("exec", flow_file(tmp_path, flow), "--input-value", "Say hello.", folder=tmp_path)
    assert result.returncode == 0, result.stderr
    assert len(result.stdout.strip()) > 1
