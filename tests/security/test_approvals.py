"""The code of a file never runs because somebody saves the file: its approval is an act of its own."""

from __future__ import annotations

import io
import json
import uuid
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.security.shared_settings import AUTO_LOGIN
from tests.support.custom_code import answer_text, flow_with_code, run_flow
from tests.support.flow_builder import echo_flow
from tests.support.probe import AttackedServer

#: With auto login, code runs in the server's process.
pytestmark = pytest.mark.server(**AUTO_LOGIN)

#: A component that writes a file when it is loaded. Its decorator and its hook make it impossible to only parse it.
SOURCE = """
from pathlib import Path

from lfx.custom import Component
from lfx.io import DropdownInput, MessageTextInput, Output
from lfx.schema.message import Message


def traced(component):
    Path({marker!r}).write_text("executed")
    return component


@traced
class Shout(Component):
    display_name = "Shout"
    inputs = [
        MessageTextInput(name="input_value"),
        DropdownInput(name="kind", options=["plain", "grand"], value="plain", real_time_refresh=True),
    ]
    outputs = [Output(name="output", method="shout")]

    def update_build_config(self, build_config, field_value, field_name=None):
        build_config["kind"]["info"] = "updated"
        return build_config

    def shout(self) -> Message:
        return Message(text=self.input_value.upper())
"""


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    """Return the file that the source writes."""
    return tmp_path / "executed"


@pytest.fixture
def source(marker: Path) -> str:
    """Return a source that no other test approves."""
    return f"{SOURCE.format(marker=str(marker))}# {uuid.uuid4()}\n"


def body(data: dict[str, Any]) -> dict[str, Any]:
    return {"name": f"dropped {uuid.uuid4()}", "data": data}


def post(client: httpx2.Client, data: dict[str, Any]) -> dict[str, Any]:
    return dict(client.post("/api/v1/flows/", json=body(data)).json())


def patch(client: httpx2.Client, data: dict[str, Any]) -> dict[str, Any]:
    flow = post(client, echo_flow())
    assert flow["unapproved_code"] is None
    return dict(client.patch(f"/api/v1/flows/{flow['id']}", json={"data": data}).json())


def batch(client: httpx2.Client, data: dict[str, Any]) -> dict[str, Any]:
    return dict(client.post("/api/v1/flows/batch/", json={"flows": [body(data)]}).json()[0])


def upload(client: httpx2.Client, data: dict[str, Any]) -> dict[str, Any]:
    file = {"file": ("flow.json", json.dumps(body(data)).encode())}
    return dict(client.post("/api/v1/flows/upload/", files=file).json()[0])


def upload_project(client: httpx2.Client, data: dict[str, Any]) -> dict[str, Any]:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as content:
        content.writestr("flow.json", json.dumps(body(data)))
    file = {"file": ("project.zip", archive.getvalue())}
    return dict(client.post("/api/v1/projects/upload/", files=file).json()[0])


Save = Callable[[httpx2.Client, dict[str, Any]], dict[str, Any]]


def change_field(client: httpx2.Client, source: str) -> httpx2.Response:
    """Change a field of a node, as the editor does for the nodes of a dropped file."""
    change = {"code": source, "template": {"kind": {"value": "plain"}}, "field": "kind", "field_value": "grand"}
    return client.post("/api/v1/custom_component/update", json=change)


@pytest.mark.parametrize("save", [post, patch, batch, upload, upload_project])
def test_the_code_of_a_saved_file_does_not_run(
    single_user: httpx2.Client, source: str, marker: Path, save: Save
) -> None:
    data = flow_with_code(source)
    flow = save(single_user, data)
    (unapproved,) = flow["unapproved_code"]
    assert (unapproved["node_id"], unapproved["name"], len(unapproved["digest"])) == ("Shout-c", "Shout", 64)
    assert flow["unapproved_nodes"] == ["Shout (Shout-c)"]
    assert single_user.get(f"/api/v1/flows/{flow['id']}").json()["data"] == data
    refused = run_flow(single_user, flow["id"])
    assert refused.status_code == 400
    for part in ("Shout (Shout-c)", "Check & Save", "POST /api/v1/approvals", unapproved["digest"]):
        assert part in refused.json()["detail"]
    draft = single_user.post(f"/api/v1/build/{post(single_user, echo_flow())['id']}/flow", json={"data": data})
    assert draft.status_code == 400
    updated = change_field(single_user, source)
    assert (updated.status_code, unapproved["digest"] in updated.json()["detail"]) == (403, True)
    assert run_flow(single_user, flow["id"]).status_code == 400
    assert not marker.exists()


def test_code_that_its_author_checks_in_the_editor_runs(single_user: httpx2.Client, source: str, marker: Path) -> None:
    checked = single_user.post("/api/v1/custom_component", json={"code": source})
    assert checked.status_code == 200
    assert checked.json()["data"]["template"]["code"]["value"] == source
    flow = post(single_user, flow_with_code(source))
    assert flow["unapproved_code"] is None
    assert answer_text(run_flow(single_user, flow["id"])) == "QUIET"
    assert change_field(single_user, source).json()["template"]["kind"]["info"] == "updated"
    assert marker.exists()
    newest = single_user.get("/api/v1/approvals").json()[0]
    assert (newest["name"], newest["username"], newest["method"]) == ("Shout", "admin", "checked")


def test_code_runs_once_it_is_approved_by_digest(single_user: httpx2.Client, source: str, marker: Path) -> None:
    flow = post(single_user, flow_with_code(source))
    review = single_user.post("/api/v1/approvals", json={"flow_id": flow["id"]}).json()
    assert review["approved"] == []
    (node,) = review["unapproved_code"]
    assert (node["node_id"], node["code"]) == ("Shout-c", source)
    assert run_flow(single_user, flow["id"]).status_code == 400
    other = single_user.post("/api/v1/approvals", json={"flow_id": flow["id"], "digests": ["0" * 64]})
    assert (other.status_code, "0" * 64 in other.json()["detail"]) == (400, True)
    assert not marker.exists()
    approved = single_user.post("/api/v1/approvals", json={"flow_id": flow["id"], "digests": [node["digest"]]}).json()
    assert approved == {"approved": [node["digest"]], "unapproved_code": []}
    assert answer_text(run_flow(single_user, flow["id"])) == "QUIET"
    (listed,) = [a for a in single_user.get("/api/v1/approvals").json() if a["digest"] == node["digest"]]
    assert (listed["name"], listed["username"], listed["method"]) == ("Shout", "admin", "requested")
    assert listed["approved_at"]


def test_a_user_who_may_not_run_code_approves_none(
    server: AttackedServer, single_user: httpx2.Client, source: str, marker: Path
) -> None:
    with server.client(server.attacker) as ada:
        plain = f"{source.replace('@traced', '')}# parsed, not run\n"
        # The source is only parsed, so that the editor shows its node, but it is not approved by that.
        assert ada.post("/api/v1/custom_component", json={"code": plain}).status_code == 200
        assert ada.post("/api/v1/custom_component", json={"code": source}).status_code == 403
        for code in (plain, source):
            flow = post(ada, flow_with_code(code))
            (node,) = flow["unapproved_code"]
            for request in ({"digests": [node["digest"]]}, {"digests": [node["digest"]], "flow_id": flow["id"]}):
                refused = ada.post("/api/v1/approvals", json=request)
                assert (refused.status_code, "HEADRACE_CUSTOM_CODE" in refused.json()["detail"]) == (403, True)
            assert run_flow(ada, flow["id"]).status_code == 400
        # A flow of another user cannot be read this way.
        assert single_user.post("/api/v1/approvals", json={"flow_id": flow["id"]}).status_code == 404
    assert not marker.exists()
