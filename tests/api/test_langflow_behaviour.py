"""Behaviour that Langflow's clients rely on, beside the recorded exchanges."""

from __future__ import annotations

import io
import json
import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import pytest

from headrace.app import create_app
from tests.conftest import settings_for
from tests.support.clients import signed_in
from tests.support.custom_code import SHOUT, answer_text, create_flow, flow_with_code, run_flow, unique_source
from tests.support.flow_builder import FlowBuilder, echo_flow, model_flow

WITHOUT_IMPORTS = """
class Shout(Component):
    display_name = "Shout"
    inputs = [
        DataInput(name="records", display_name="Records"),
        MessageTextInput(name="input_value", display_name="Input", value="hi"),
        IntInput(name="times", display_name="Times", value=2),
    ]
    outputs = [Output(display_name="Output", name="output", method="build_output")]

    def build_output(self) -> Message:
        texts: List[Any] = [self.input_value.upper()] * self.times
        return Message(text="".join(texts))
"""
#: Has to be run, because its list of outputs is computed.
WITHOUT_IMPORTS_RUN = f"{WITHOUT_IMPORTS}    outputs = [*outputs, *[Output(name='more', method='build_output')] * 1]\n"

DYNAMIC = """
from lfx.custom.custom_component.component import Component
from lfx.io import BoolInput, MessageTextInput, Output
from lfx.schema.data import Data


class Dynamic(Component):
    display_name = "Dynamic"
    inputs = [
        MessageTextInput(name="input_value", display_name="Input"),
        BoolInput(name="more", display_name="More", value=False, real_time_refresh=True),
    ]
    outputs = [Output(display_name="First", name="first", method="build_first")]

    def build_first(self) -> Data:
        return Data(value=self.input_value)

    def build_second(self) -> Data:
        return Data(value="second")

    def update_outputs(self, frontend_node, field_name, field_value):
        if field_name == "more" and field_value:
            frontend_node["outputs"].append(Output(display_name="Second", name="second", method="build_second"))
        return frontend_node
"""


@pytest.fixture(scope="module", params=["process", "none"])
def admin(
    request: pytest.FixtureRequest, database_url: str | None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[httpx2.Client]:
    """Yield the client of a superuser, whose code runs in a worker process or in the server's."""
    settings = settings_for(
        tmp_path_factory.mktemp("behaviour"), database_url, code_isolation=request.param, secret_key="k" * 32
    )
    with signed_in(create_app(settings)) as client:
        yield client


def test_an_output_that_update_outputs_appends_is_an_object(admin: httpx2.Client) -> None:
    code = unique_source(DYNAMIC)
    node = admin.post("/api/v1/custom_component", json={"code": code}).json()["data"]
    body = {"code": code, "template": node["template"], "field": "more", "field_value": True}
    changed = admin.post("/api/v1/custom_component/update", json=body).json()
    first, second = changed["outputs"]
    assert second.keys() == first.keys()
    expected = {"name": "second", "display_name": "Second", "method": "build_second", "types": ["Data"]}
    assert second.items() >= {**expected, "selected": "Data"}.items()


@pytest.mark.parametrize("source", [WITHOUT_IMPORTS, WITHOUT_IMPORTS_RUN], ids=["parsed", "run"])
def test_code_uses_inputs_outputs_and_values_without_importing_them(admin: httpx2.Client, source: str) -> None:
    code = unique_source(source)
    made = admin.post("/api/v1/custom_component", json={"code": code}).json()
    assert made["data"]["template"]["records"]["_input_type"] == "DataInput"
    assert made["data"]["outputs"][0]["types"] == ["Message"]
    flow = create_flow(admin, flow_with_code(code))
    assert answer_text(run_flow(admin, flow["id"])) == "QUIETQUIET"


def test_code_without_imports_becomes_a_node_without_being_run(client: httpx2.Client) -> None:
    # This server runs nobody's code.
    made = client.post("/api/v1/custom_component", json={"code": WITHOUT_IMPORTS}).json()
    assert (made["type"], made["data"]["outputs"][0]["types"]) == ("Shout", ["Message"])
    assert client.post("/api/v1/custom_component", json={"code": WITHOUT_IMPORTS_RUN}).status_code == 403


def test_a_name_that_code_defines_itself_hides_the_one_that_it_need_not_import(admin: httpx2.Client) -> None:
    own = 'class Data:\n    text = "own"\n\n\n' + SHOUT.replace("from lfx.schema.data import Data\n", "")
    code = unique_source(own.replace("data = Data(value=self.input_value.upper() * self.times)", "data = Data.text"))
    assert admin.post("/api/v1/custom_component", json={"code": code}).status_code == 200
    flow = create_flow(admin, flow_with_code(code))
    assert answer_text(run_flow(admin, flow["id"])) == "own"


def test_the_chat_input_alone_is_the_first_layer(client: httpx2.Client, model_url: str) -> None:
    for data, first in (
        (model_flow(model_url, "key"), ["ChatInput-a"]),
        (FlowBuilder().node("Prompt Template", "Prompt-p").node("Prompt Template", "Prompt-q").data, None),
    ):
        expected = first or ["Prompt-p", "Prompt-q"]
        flow = create_flow(client, data)["id"]
        order = client.post(f"/api/v1/build/{flow}/vertices").json()
        assert (order["ids"], len(order["vertices_to_run"])) == (expected, len(data["nodes"]))
        job = client.post(f"/api/v1/build/{flow}/flow", json={}).json()["job_id"]
        with client.stream("GET", f"/api/v1/build/{job}/events") as events:
            event = json.loads(next(events.iter_lines()))
        assert (event["event"], event["data"]["ids"]) == ("vertices_sorted", expected)


@pytest.mark.parametrize("session", ["a b/c?d", "50%20 off"])
def test_messages_are_found_by_a_session_that_is_encoded_once_or_twice(client: httpx2.Client, session: str) -> None:
    session = f"{session} {uuid.uuid4()}"
    flow = create_flow(client, echo_flow())["id"]
    client.post(f"/api/v1/run/{flow}", json={"input_value": "hello", "session_id": session})
    once = quote(session, safe="")
    for encoded in (once, quote(once, safe="")):
        messages = client.get(f"/api/v1/monitor/messages?session_id={encoded}").json()
        assert [m["session_id"] for m in messages] == [session] * 2


def test_an_uploaded_file_of_mcp_servers_replaces_the_earlier_one(client: httpx2.Client) -> None:
    name = f"_mcp_servers_{client.get('/api/v1/users/whoami').json()['id']}"
    uploaded = [
        client.post("/api/v2/files", files={"file": (f"{name}.json", content)}).json()
        for content in (b"{}", b'{"a":1}')
    ]
    assert [(f["id"], f["name"]) for f in uploaded] == [(uploaded[0]["id"], name)] * 2
    assert client.get(f"/api/v2/files/{uploaded[0]['id']}").content == b'{"a":1}'
    client.delete(f"/api/v2/files/{uploaded[0]['id']}")


def test_a_removed_secret_in_a_projects_zip_is_null_and_its_import_has_a_secret_to_fill_in(
    client: httpx2.Client, model_url: str
) -> None:
    project = client.post("/api/v1/projects/", json={"name": f"secrets {uuid.uuid4()}", "description": ""}).json()["id"]
    create_flow(client, model_flow(model_url, "sk-very-secret-key"), folder_id=project)
    exported = client.get(f"/api/v1/projects/download/{project}").content
    (file,) = [json.loads(text) for text in _texts_of(exported)]
    assert _api_key(file["data"]) is None
    (imported,) = client.post("/api/v1/projects/upload/", files={"file": ("p.zip", exported)}).json()
    assert _api_key(imported["data"]) is None
    response = client.post(f"/api/v1/run/{imported['id']}", json={"input_value": "x"})
    assert (response.status_code, "needs a value for 'api_key'" in response.json()["detail"]) == (400, True)


def _texts_of(exported: bytes) -> list[bytes]:
    with zipfile.ZipFile(io.BytesIO(exported)) as archive:
        return [archive.read(name) for name in archive.namelist()]


def _api_key(data: dict[str, Any]) -> Any:
    (node,) = [n for n in data["nodes"] if n["id"] == "OpenAIModel-m"]
    return node["data"]["node"]["template"]["api_key"]["value"]


def test_pictures_of_the_operator_come_first(database_url: str | None, tmp_path: Path) -> None:
    folder = tmp_path / "profile_pictures"
    for name, content in (
        ("Space/046-rocket.svg", b"<svg>own</svg>"),
        ("Team/lead.png", b"\x89PNG"),
        ("Team/notes.txt", b"text"),
        ("Team/.hidden.svg", b"<svg/>"),
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (tmp_path / "secret.svg").write_text("<svg>secret</svg>")
    (folder / "Team" / "link.svg").symlink_to(tmp_path / "secret.svg")
    address = "/api/v1/files/profile_pictures"
    with signed_in(create_app(settings_for(tmp_path, database_url))) as client:
        client.headers.pop("authorization")
        names = client.get(f"{address}/list").json()["files"]
        assert names[:3] == ["Space/046-rocket.svg", "Team/lead.png", "Team/link.svg"]
        assert len(names) == len(set(names)) > 10
        assert client.get(f"{address}/Space/046-rocket.svg").content == b"<svg>own</svg>"
        assert client.get(f"{address}/Space/038-star.svg").status_code == 200
        picture = client.get(f"{address}/Team/lead.png")
        assert (picture.content, picture.headers["content-type"]) == (b"\x89PNG", "image/png")
        for name, status in (("Team/notes.txt", 404), ("Team/link.svg", 404), ("Team/.hidden.svg", 404), ("No/x", 400)):
            assert client.get(f"{address}/{name}").status_code == status, name
        assert "People, Space" not in client.get(f"{address}/No/x").json()["detail"]
        assert "Space, Team, People" in client.get(f"{address}/No/x").json()["detail"]
