"""Code in flows: recognised sources run the server's own components, and other code runs only if it is approved."""

from __future__ import annotations

import copy
import io
import json
import uuid
import zipfile
from pathlib import Path
from typing import Any

import httpx2
import pytest

from headrace.compat import published_code
from headrace.compat.exported_code import exported_code_of
from headrace.component.node_json import code_hash
from tests.support.flow_builder import FlowBuilder, echo_flow
from tests.support.flows import create_flow


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    """Return a file that the code of a flow writes if it is ever executed."""
    return tmp_path / "executed"


@pytest.fixture
def source(marker: Path) -> str:
    """Return a component source that writes the marker file if it is executed."""
    return f"import pathlib\n\npathlib.Path({str(marker)!r}).write_text('executed')\n\n\nclass ChatInput:\n    pass\n"


def publish(monkeypatch: pytest.MonkeyPatch, source: str, type_name: str) -> None:
    """List a source in the table of published code; no published source is part of this project."""
    monkeypatch.setattr(published_code, "types_by_hash", lambda: {code_hash(source): type_name})


def node_of(data: dict[str, Any], node_id: str) -> dict[str, Any]:
    return next(n["data"] for n in data["nodes"] if n["id"] == node_id)


def echo_with_code(code: str | None, **node: Any) -> dict[str, Any]:
    """Return the echo flow whose Chat Input carries `code`, and other keys of its node."""
    data = copy.deepcopy(echo_flow())
    body = node_of(data, "ChatInput-a")["node"]
    if code is None:
        del body["template"]["code"]
    else:
        body["template"]["code"]["value"] = code
    body.update(node)
    return data


def run(client: httpx2.Client, flow_id: str, text: str = "hi", **body: Any) -> httpx2.Response:
    return client.post(f"/api/v1/run/{flow_id}", json={"input_value": text, **body})


def text_of(response: httpx2.Response) -> str:
    assert response.status_code == 200, response.text
    return str(response.json()["outputs"][0]["outputs"][0]["results"]["message"]["text"])


def test_a_published_source_runs_the_servers_own_component(
    client: httpx2.Client, monkeypatch: pytest.MonkeyPatch, source: str, marker: Path
) -> None:
    publish(monkeypatch, source, "ChatInput")
    assert text_of(run(client, create_flow(client, echo_with_code(source)))) == "hi"
    assert not marker.exists()


@pytest.mark.parametrize("stated_type", ["ChatInput", "TextOutput", "Anything"])
def test_the_type_of_a_published_source_follows_from_its_hash(
    client: httpx2.Client, monkeypatch: pytest.MonkeyPatch, source: str, marker: Path, stated_type: str
) -> None:
    publish(monkeypatch, source, "ChatInput")
    data = echo_with_code(source)
    node_of(data, "ChatInput-a")["type"] = stated_type
    assert text_of(run(client, create_flow(client, data))) == "hi"
    assert not marker.exists()


@pytest.mark.parametrize("node", [{"metadata": {"code_hash": "0" * 12}}, {"edited": True}, {"metadata": None}])
def test_a_wrong_hash_in_the_metadata_does_not_make_code_foreign(
    client: httpx2.Client, monkeypatch: pytest.MonkeyPatch, source: str, node: dict[str, Any]
) -> None:
    publish(monkeypatch, source, "ChatInput")
    assert text_of(run(client, create_flow(client, echo_with_code(source, **node)))) == "hi"
    data = copy.deepcopy(echo_flow())
    node_of(data, "ChatInput-a")["node"].update(node)
    assert text_of(run(client, create_flow(client, data))) == "hi"


def test_a_renamed_type_runs_as_its_current_type(
    client: httpx2.Client, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    publish(monkeypatch, source, "Prompt")
    flow = (
        FlowBuilder()
        .node("ChatInput", "i")
        .node("Prompt Template", "p", template="Dear {name}", name="")
        .node("ChatOutput", "o")
        .edge("i", "message", "p", "name")
        .edge("p", "prompt", "o", "input_value")
    )
    prompt = node_of(flow.data, "p")
    prompt["type"] = "Prompt"
    for code in (source, "# the source was left out"):
        prompt["node"]["template"]["code"]["value"] = code
        flow_id = create_flow(client, flow.data)
        assert text_of(run(client, flow_id, "Ada")) == "Dear Ada"
        tweaked = run(client, flow_id, "Ada", tweaks={"Prompt": {"template": "Hello {name}"}})
        assert text_of(tweaked) == "Hello Ada"


def test_older_fields_and_outputs_run_as_their_current_ones(client: httpx2.Client) -> None:
    flow = (
        FlowBuilder()
        .node("ChatInput", "i")
        .node("ConditionalRouter", "r", match_text="hi", operator="equals", message="matched")
        .node("ChatOutput", "o")
        .edge("i", "message", "r", "input_text")
        .edge("r", "true_result", "o", "input_value")
    )
    router = node_of(flow.data, "r")["node"]["template"]
    for present in ("true_case_message", "false_case_message"):
        del router[present]
    flow_id = create_flow(client, flow.data)
    assert text_of(run(client, flow_id)) == "matched"
    assert text_of(run(client, flow_id, tweaks={"r": {"message": "tweaked"}})) == "tweaked"


def test_an_output_that_no_longer_exists_names_node_output_and_replacement(client: httpx2.Client) -> None:
    flow = FlowBuilder().node("Memory", "m").node("ChatOutput", "o").edge("m", "lc_memory", "o", "input_value")
    response = run(client, create_flow(client, flow.data))
    assert response.status_code >= 400
    for part in ("Message History (m)", "'lc_memory'", "Use 'messages_text' or 'dataframe'"):
        assert part in response.text


def test_one_changed_character_makes_code_foreign_and_unapproved(
    client: httpx2.Client, monkeypatch: pytest.MonkeyPatch, source: str, marker: Path
) -> None:
    publish(monkeypatch, source, "ChatInput")
    changed = source.replace("class ChatInput", "class ChatInpuT")
    node = {"metadata": {"code_hash": code_hash(source)}, "edited": False}
    response = run(client, create_flow(client, echo_with_code(changed, **node)))
    assert response.status_code >= 400
    assert "Chat Input (ChatInput-a)" in response.text and "not approved" in response.text
    assert not marker.exists()


def test_a_matching_hash_in_the_metadata_does_not_approve_code(
    client: httpx2.Client, source: str, marker: Path
) -> None:
    response = run(client, create_flow(client, echo_with_code(source, metadata={"code_hash": code_hash(source)})))
    assert response.status_code >= 400
    assert "not approved" in response.text
    assert not marker.exists()


def test_published_code_of_a_type_that_the_server_lacks_names_the_type(
    client: httpx2.Client, monkeypatch: pytest.MonkeyPatch, source: str, marker: Path
) -> None:
    publish(monkeypatch, source, "A Type Of Langflow")
    response = run(client, create_flow(client, echo_with_code(source)))
    assert response.status_code >= 400
    assert "'A Type Of Langflow'" in response.text and "this server lacks" in response.text
    assert not marker.exists()


@pytest.mark.parametrize("code", [None, "", "# the source was left out\n"])
def test_a_node_without_code_runs_the_component_of_its_type(client: httpx2.Client, code: str | None) -> None:
    assert text_of(run(client, create_flow(client, echo_with_code(code)))) == "hi"


def test_a_node_without_code_of_an_unknown_type_names_the_type(client: httpx2.Client) -> None:
    data = echo_with_code(None)
    node_of(data, "ChatInput-a")["type"] = "Nothing"
    response = run(client, create_flow(client, data))
    assert response.status_code >= 400
    assert "'Nothing'" in response.text and "this server lacks" in response.text


def download(client: httpx2.Client, kind: str, data: dict[str, Any]) -> list[bytes]:
    """Return the flow files of one of the three downloads."""
    project = client.post("/api/v1/projects/", json={"name": f"p {uuid.uuid4()}"}).json()["id"]
    ids = [create_flow(client, data, folder_id=project) for _ in range(1 if kind == "file" else 2)]
    if kind == "project":
        content = client.get(f"/api/v1/projects/download/{project}").content
    else:
        content = client.post("/api/v1/flows/download/", json=ids).content
    assert all(client.get(f"/api/v1/flows/{i}").json()["data"] == data for i in ids), "an export changed a stored flow"
    if kind == "file":
        return [content]
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return [archive.read(name) for name in archive.namelist()]


@pytest.mark.parametrize("kind", ["file", "zip", "project"])
@pytest.mark.parametrize("code", [None, "server"])
def test_an_export_carries_modules_of_langflow_and_runs_when_it_is_imported(
    client: httpx2.Client, kind: str, code: str | None
) -> None:
    data = copy.deepcopy(echo_flow()) if code == "server" else echo_with_code(code)
    for exported in download(client, kind, data):
        for node_id, type_name, module in (
            ("ChatInput-a", "ChatInput", "lfx.components.input_output.chat.ChatInput"),
            ("ChatOutput-b", "ChatOutput", "lfx.components.input_output.chat_output.ChatOutput"),
        ):
            node = node_of(json.loads(exported)["data"], node_id)["node"]
            code_in_export = node["template"]["code"]["value"]
            assert code_in_export == exported_code_of(type_name)
            assert (node["metadata"]["module"], node["metadata"]["code_hash"]) == (module, code_hash(code_in_export))
        (imported,) = client.post("/api/v1/flows/upload/", files={"file": ("f.json", exported)}).json()
        assert text_of(run(client, imported["id"])) == "hi"


def test_an_export_keeps_foreign_code_unchanged(client: httpx2.Client, source: str, marker: Path) -> None:
    (exported,) = download(client, "file", echo_with_code(source))
    data = json.loads(exported)["data"]
    assert node_of(data, "ChatInput-a")["node"]["template"]["code"]["value"] == source
    assert node_of(data, "ChatOutput-b")["node"]["template"]["code"]["value"] == exported_code_of("ChatOutput")
    (imported,) = client.post("/api/v1/flows/upload/", files={"file": ("f.json", exported)}).json()
    assert "not approved" in run(client, imported["id"]).text
    assert not marker.exists()


def test_an_exported_module_with_one_more_line_is_foreign(client: httpx2.Client, marker: Path) -> None:
    code = f"{exported_code_of('ChatInput')}\nopen({str(marker)!r}, 'w')\n"
    response = run(client, create_flow(client, echo_with_code(code)))
    assert response.status_code >= 400
    assert "not approved" in response.text
    assert not marker.exists()
