"""Custom component code: who may run it, how it becomes a node, and that unapproved code never runs."""

from __future__ import annotations

import hashlib
import json
import sys
import uuid
from pathlib import Path

import httpx2
import pytest

from headrace.app import create_app
from tests.conftest import settings_for
from tests.support.custom_code import (
    SHOUT,
    People,
    answer_text,
    approve_code,
    create_flow,
    flow_with_code,
    isolation,
    lenient_server,
    open_clients,
    people,
    run_flow,
    save_flow,
    tracing_sources,
    unique_source,
)
from tests.support.flow_builder import FlowBuilder
from tests.support.server import serving

__all__ = ["isolation", "lenient_server", "people"]


def test_a_source_becomes_a_node_and_its_flow_runs(people: People) -> None:
    code = unique_source(SHOUT)
    made = people.root.post("/api/v1/custom_component", json={"code": code}).json()
    node = made["data"]
    assert (made["type"], node["display_name"], node["icon"]) == ("Shout", "Shout", "megaphone")
    assert node["metadata"]["module"] == "custom_components.shout"
    assert node["template"]["code"]["value"] == code
    assert node["template"]["times"]["value"] == 2
    assert node["outputs"][0].items() >= {"name": "output", "types": ["Data"], "hidden": None, "options": None}.items()
    assert json.loads(
        answer_text(run_flow(people.root, create_flow(people.root, flow_with_code(code))["id"])).strip("`json\n")
    ) == {"value": "QUIETQUIET"}


def test_code_approved_by_a_superuser_runs_for_every_user_until_its_approval_is_deleted(people: People) -> None:
    code = unique_source(SHOUT)
    mine = create_flow(people.ada, flow_with_code(code))
    assert mine["unapproved_nodes"] == ["Shout (Shout-c)"]
    refused = run_flow(people.ada, mine["id"])
    assert refused.status_code == 400
    assert all(part in refused.json()["detail"] for part in ("Shout (Shout-c)", "not approved", "superuser"))
    create_flow(people.root, flow_with_code(code))
    assert save_flow(people.root, flow_with_code(code))["unapproved_nodes"] is None
    assert "QUIET" in answer_text(run_flow(people.ada, mine["id"]))
    digest = hashlib.sha256(code.encode()).hexdigest()
    listed = people.root.get("/api/v1/approvals").json()
    assert next(a for a in listed if a["digest"] == digest)["name"] == "Shout"
    assert people.ada.get("/api/v1/approvals").status_code == 403
    assert people.ada.delete(f"/api/v1/approvals/{digest}").status_code == 403
    assert people.root.delete(f"/api/v1/approvals/{digest}").status_code == 204
    assert run_flow(people.ada, mine["id"]).status_code == 400
    assert people.root.delete(f"/api/v1/approvals/{digest}").status_code == 404


@pytest.mark.parametrize(("policy", "superuser", "plain"), [("everyone", 200, 200), ("nobody", 400, 400)])
def test_the_custom_code_setting_decides_who_may_run_code(
    database_url: str | None, tmp_path: Path, policy: str, superuser: int, plain: int
) -> None:
    with serving(create_app(settings_for(tmp_path, database_url, custom_code=policy))) as base:
        for people in open_clients(base):
            code = unique_source(SHOUT)
            assert run_flow(people.ada, create_flow(people.ada, flow_with_code(code))["id"]).status_code == plain
            assert run_flow(people.root, create_flow(people.root, flow_with_code(code))["id"]).status_code == superuser


@pytest.mark.parametrize("number", range(8))
def test_unapproved_code_is_executed_by_no_endpoint(
    people: People, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    (tmp_path / "trace_left_by_import.py").write_text(f"open({str(tmp_path / 'TRACE')!r}, 'w').close()")
    monkeypatch.syspath_prepend(str(tmp_path))
    code = unique_source(tracing_sources(tmp_path)[number])
    data = flow_with_code(code, "Bad")
    ada, root = people.ada, people.root
    flow = save_flow(ada, data, access_type="PUBLIC", endpoint_name=f"bad-{uuid.uuid4()}")
    assert flow["unapproved_nodes"] == ["Bad (Bad-c)"]
    file = {"file": ("f.json", json.dumps({"name": f"up {uuid.uuid4()}", "data": data}).encode())}
    for client in (ada, root):
        # Neither uploading nor saving approves code, even for a superuser.
        saved = save_flow(client, data)
        assert saved["unapproved_nodes"] == ["Bad (Bad-c)"]
        assert run_flow(client, saved["id"]).status_code == 400
        (uploaded,) = client.post("/api/v1/flows/upload/", files=file).json()
        assert uploaded["unapproved_nodes"] == ["Bad (Bad-c)"]
        assert run_flow(client, uploaded["id"]).status_code == 400
    assert run_flow(ada, flow["id"]).status_code == 400
    assert ada.post(f"/api/v1/run/{flow['id']}?stream=true", json={"input_value": "x"}).status_code == 400
    tweaked = create_flow(
        ada,
        FlowBuilder()
        .node("ChatInput", "ChatInput-a")
        .node("ChatOutput", "ChatOutput-b")
        .edge("ChatInput-a", "message", "ChatOutput-b", "input_value")
        .data,
    )
    run_flow(ada, tweaked["id"], tweaks={"ChatInput-a": {"code": code}, "code": code})
    assert ada.post("/api/v1/validate/code", json={"code": code}).status_code == 200
    assert root.post("/api/v1/validate/code", json={"code": code}).status_code == 200
    # These endpoints may parse the code, but must not execute it.
    assert ada.post("/api/v1/custom_component", json={"code": code}).status_code in {200, 403}
    update = {"code": code, "template": {}, "field": "x", "field_value": 1}
    for client in (ada, root):
        assert client.post("/api/v1/custom_component/update", json=update).status_code in {200, 403}
    for client in (ada, root):
        draft = client.post(
            f"/api/v1/build/{tweaked['id'] if client is ada else create_flow(root, FlowBuilder().data)['id']}/flow",
            json={"data": data},
        )
        assert draft.status_code == 400
    visit = {"json": {"inputs": {"input_value": "x"}, "data": data}, "headers": {"cookie": "client_id=v"}}
    assert people.anyone.post(f"/api/v1/build_public_tmp/{flow['id']}/flow", **visit).status_code == 400  # type: ignore[arg-type]
    assert ada.post(f"/api/v1/webhook/{flow['id']}", json={}).status_code == 400
    assert ada.post("/api/v1/responses", json={"model": flow["id"], "input": "x"}).status_code == 400
    assert not (tmp_path / "TRACE").exists()
    assert "trace_left_by_import" not in sys.modules


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("class Shout(:", "Invalid Python code"),
        ("from lfx.custom import Component\n\n1 / 0\n", "line 3: ZeroDivisionError"),
        ("x = 1\n", "defines no component"),
        ("from lfx.io import NoSuchInput\n", "lfx.io.NoSuchInput is not available"),
        ("from lfx.services.deps import get_db_service\n", "self.get_variables"),
        (SHOUT.replace('"build_output")', '"nowhere")'), "missing method 'nowhere'"),
    ],
)
def test_the_error_for_invalid_code_names_the_problem_and_its_line(people: People, code: str, problem: str) -> None:
    answer = people.root.post("/api/v1/custom_component", json={"code": code})
    assert answer.status_code == 400
    assert problem in answer.json()["detail"]["error"]


def test_the_compat_modules_do_not_appear_in_sys_modules(people: People) -> None:
    people.root.post("/api/v1/custom_component", json={"code": unique_source(SHOUT)})
    assert not [name for name in sys.modules if name.partition(".")[0] in {"lfx", "langflow"}]
    with pytest.raises(ImportError):
        __import__("lfx")


DYNAMIC = """
from langflow.custom import Component
from langflow.io import DropdownInput, MessageTextInput, Output
from langflow.schema import Message
from lfx.schema.dotdict import dotdict


class Greeter(Component):
    display_name = "Greeter"
    name = "GreeterType"
    inputs = [
        DropdownInput(name="kind", display_name="Kind", options=["plain", "grand"], value="plain", real_time_refresh=True),
        MessageTextInput(name="input_value", display_name="Who"),
        MessageTextInput(name="title", display_name="Title", show=False),
    ]
    outputs = [Output(name="greeting", display_name="Greeting", method="greet")]

    def update_build_config(self, build_config: dotdict, field_value, field_name=None):
        if field_name == "kind":
            build_config.title.show = field_value == "grand"
        if field_value == "bad":
            raise ValueError("no such kind")
        return build_config

    def update_outputs(self, frontend_node: dict, field_name: str, field_value):
        if field_name == "kind" and field_value == "grand":
            frontend_node["outputs"] = [Output(name="fanfare", display_name="Fanfare", method="greet").to_json()]
        return frontend_node

    async def greet(self) -> Message:
        self.ctx["greeted"] = True
        return Message(text=f"Hello {self.title} {self.input_value} in {self.graph.session_id}".replace("  ", " "))
"""


def test_fields_and_outputs_change_with_the_selected_option(people: People) -> None:
    code = unique_source(DYNAMIC)
    node = people.root.post("/api/v1/custom_component", json={"code": code}).json()["data"]

    def select(value: str) -> httpx2.Response:
        body = {"code": code, "template": node["template"], "field": "kind", "field_value": value}
        return people.root.post("/api/v1/custom_component/update", json=body)

    grand = select("grand").json()
    assert grand["template"]["title"]["show"] is True
    assert [o["name"] for o in grand["outputs"]] == ["fanfare"]
    assert select("plain").json()["template"]["title"]["show"] is False
    assert select("bad").json()["detail"]["error"].endswith("ValueError: no such kind")
    flow = create_flow(people.root, flow_with_code(code, "GreeterType", ("greeting",)))
    assert answer_text(run_flow(people.root, flow["id"], "Ada", session_id="s")) == "Hello Ada in s"


RAISES = SHOUT.replace("data = Data(", "raise ValueError('too loud')\n        data = Data(")


def test_a_components_error_reaches_the_caller_without_paths_of_the_server(people: People) -> None:
    answer = run_flow(people.root, create_flow(people.root, flow_with_code(unique_source(RAISES)))["id"])
    assert answer.status_code == 500
    message = json.loads(answer.json()["detail"])["message"]
    assert "Error building Component Shout" in message
    assert "too loud" in message
    assert "site-packages" not in answer.text


@pytest.mark.parametrize("where", ["top", "method"])
def test_code_that_exits_ends_its_run_and_not_the_server(people: People, where: str) -> None:
    leave = "import sys; sys.exit(3)"
    code = f"{leave}\n{SHOUT}" if where == "top" else SHOUT.replace("data = Data(", f"{leave}\n        data = Data(")
    answer = run_flow(people.root, create_flow(people.root, flow_with_code(unique_source(code)))["id"])
    assert answer.status_code == (400 if where == "top" else 500)
    assert people.anyone.get("/health_check").status_code == 200


INIT = """
from lfx.custom import Component
from lfx.io import MessageTextInput, Output
from lfx.schema import DataFrame, Data
from lfx.helpers.data import data_to_text
from lfx.log.logger import logger


class Table(Component):
    inputs = [MessageTextInput(name="input_value")]
    outputs = [Output(name="output", method="rows"), Output(name="other", method="never")]

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seen = []

    def _pre_run_setup(self):
        self.seen.append("setup")

    def rows(self) -> DataFrame:
        logger.info("making rows")
        frame = DataFrame([Data(word=w) for w in self.input_value.split()])
        assert self.seen == ["setup"]
        assert data_to_text("{word}", frame.to_data_list()) == "a\\nb"
        return frame

    def never(self) -> Data:
        raise RuntimeError("an output without a consumer must not be computed")
"""


def test_a_component_with_init_and_setup_returns_a_table(people: People) -> None:
    pytest.importorskip("pandas", reason="the extra `pandas` isn't installed")
    text = answer_text(
        run_flow(people.root, create_flow(people.root, flow_with_code(unique_source(INIT), "Table"))["id"], "a b")
    )
    assert "word" in text


def test_a_frozen_component_runs_again_after_its_code_changes(people: People) -> None:
    data = flow_with_code(unique_source(SHOUT))
    node = next(n for n in data["nodes"] if n["id"] == "Shout-c")["data"]["node"]
    node["frozen"] = True
    flow = create_flow(people.root, data)
    assert "QUIETQUIET" in answer_text(run_flow(people.root, flow["id"], session_id="frozen"))
    node["template"]["code"]["value"] = unique_source(SHOUT.replace(".upper()", ".title()"))
    node["edited"] = True
    changed = people.root.patch(f"/api/v1/flows/{flow['id']}", json={"data": data}).json()
    assert approve_code(people.root, changed).status_code == 200
    assert "QuietQuiet" in answer_text(run_flow(people.root, flow["id"], session_id="frozen"))
