"""Approval of custom code, and the cache of its component classes.

Each test observes a server over HTTP. A component returns a random id that its module creates when it is loaded: equal ids
mean that the module was loaded once.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from headrace.app import create_app
from tests.conftest import settings_for
from tests.support.custom_code import (
    People,
    answer_text,
    create_flow,
    flow_with_code,
    open_clients,
    run_flow,
    unique_source,
)
from tests.support.flow_builder import FlowBuilder
from tests.support.server import serving
from tests.support.waiting import until

MODULE_ID = """
import uuid
from lfx.custom import Component
from lfx.io import MessageTextInput, Output
from lfx.schema.message import Message

MODULE_ID = str(uuid.uuid4())


class Probe(Component):
    inputs = [MessageTextInput(name="input_value")]
    outputs = [Output(name="output", method="build")]

    def build(self) -> Message:
        return Message(text=MODULE_ID)
"""


@contextlib.contextmanager
def serving_people(folder: Path, database_url: str | None, **settings: object) -> Iterator[People]:
    """Run a server and yield clients of its users."""
    with serving(create_app(settings_for(folder, database_url, **settings))) as base:
        users = open_clients(base)
        yield next(users)
        next(users, None)


def create_probe(client: httpx2.Client, code: str) -> str:
    """Create a flow with one custom component and return its id."""
    return str(create_flow(client, flow_with_code(code, "Probe"))["id"])


def loaded_module(client: httpx2.Client, code: str) -> str:
    """Run code in a new flow and return the id of the module that the run used."""
    return answer_text(run_flow(client, create_probe(client, code)))


def digest_of(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()


@pytest.mark.parametrize(("isolation", "users_share_a_class"), [("none", True), ("process", False)])
def test_a_class_is_loaded_once_per_process_or_isolated_user(
    tmp_path: Path, database_url: str | None, isolation: str, users_share_a_class: bool
) -> None:
    code = unique_source(MODULE_ID)
    with serving_people(tmp_path, database_url, code_isolation=isolation) as people:
        first, second = loaded_module(people.root, code), loaded_module(people.root, code)
        assert first == second
        assert (loaded_module(people.ada, code) == first) is users_share_a_class


@pytest.mark.parametrize("isolation", ["none", "process"])
def test_changed_code_is_loaded_as_a_new_class(tmp_path: Path, database_url: str | None, isolation: str) -> None:
    code = unique_source(MODULE_ID)
    with serving_people(tmp_path, database_url, code_isolation=isolation) as people:
        first = loaded_module(people.root, code)
        assert loaded_module(people.root, f"{code}\n# changed\n") != first
        assert loaded_module(people.root, code) == first


def test_code_does_not_run_after_its_approval_is_revoked(tmp_path: Path, database_url: str | None) -> None:
    code = unique_source(MODULE_ID)
    with serving_people(tmp_path, database_url, code_isolation="none") as people:
        flow_id = create_probe(people.root, code)
        assert answer_text(run_flow(people.root, flow_id))
        assert people.root.delete(f"/api/v1/approvals/{digest_of(code)}").status_code == 204
        rejected = run_flow(people.root, flow_id)
        assert (rejected.status_code, "not approved" in rejected.text) == (400, True)
        create_probe(people.root, code)
        assert answer_text(run_flow(people.root, flow_id))


def test_a_server_notices_that_another_process_revokes_an_approval(tmp_path: Path, database_url: str | None) -> None:
    code = unique_source(MODULE_ID)
    environment = {
        "LANGFLOW_CONFIG_DIR": str(tmp_path),
        **({"LANGFLOW_DATABASE_URL": database_url} if database_url else {}),
    }
    command = [sys.executable, "-c", "from headrace.cli import main; main()", "approvals", "--revoke", digest_of(code)]
    with serving_people(tmp_path, database_url, code_isolation="none") as people:
        flow_id = create_probe(people.root, code)
        assert answer_text(run_flow(people.root, flow_id))
        subprocess.run(command, env={**os.environ, **environment}, check=True, timeout=120)
        rejected = until(lambda: next((r for r in [run_flow(people.root, flow_id)] if r.is_error), None))
        assert (rejected.status_code, "not approved" in rejected.text) == (400, True)


def test_the_error_for_disabled_code_names_the_setting(tmp_path: Path, database_url: str | None) -> None:
    with serving_people(tmp_path, database_url, custom_code="nobody") as people:
        rejected = run_flow(people.root, create_probe(people.root, unique_source(MODULE_ID)))
        assert rejected.status_code == 400
        assert "HEADRACE_CUSTOM_CODE=nobody" in rejected.json()["detail"]


@pytest.mark.parametrize(
    ("policy", "setting"), [("superuser", "HEADRACE_CUSTOM_CODE=everyone"), ("nobody", "HEADRACE_CUSTOM_CODE=nobody")]
)
def test_the_error_for_forbidden_code_in_a_field_names_the_setting(
    tmp_path: Path, database_url: str | None, policy: str, setting: str
) -> None:
    flow = (
        FlowBuilder()
        .node("PythonREPLComponent", "Python-p", python_code=f"print('{uuid.uuid4()}')", global_imports="math")
        .node("ChatOutput", "ChatOutput-b")
        .edge("Python-p", "results", "ChatOutput-b", "input_value")
        .data
    )
    with serving_people(tmp_path, database_url, custom_code=policy) as people:
        rejected = run_flow(people.ada, create_flow(people.ada, flow)["id"])
        assert rejected.is_error
        assert setting in rejected.json()["detail"]
