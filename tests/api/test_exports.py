"""Exports and imports of flows and projects."""

from __future__ import annotations

import asyncio
import copy
import io
import json
import threading
import uuid
import zipfile
from typing import Any

import httpx2
import pytest

from tests.support.flow_builder import echo_flow, model_flow
from tests.support.model_server import KEY

UPLOAD = "/api/v1/flows/upload/"


def create_flow(client: httpx2.Client, **body: Any) -> dict[str, Any]:
    response = client.post("/api/v1/flows/", json={"name": f"flow {uuid.uuid4()}", **body})
    assert response.status_code == 201, response.text
    return dict(response.json())


def secret_flow(base_url: str) -> dict[str, Any]:
    data = model_flow(base_url, KEY)
    named = copy.deepcopy(data["nodes"][2])
    named["id"] = named["data"]["id"] = "OpenAIModel-named"
    named["data"]["node"]["template"]["api_key"] |= {"value": "OPENAI_API_KEY", "load_from_db": True}
    group = {
        "id": "Group-g",
        "type": "genericNode",
        "data": {
            "type": "GroupNode",
            "node": {"template": {}, "flow": {"data": {"nodes": [data["nodes"][2]], "edges": []}}},
        },
    }
    return {**data, "nodes": [*data["nodes"], named, group]}


def without_code(data: dict[str, Any]) -> dict[str, Any]:
    """Return a flow's data without the code of its components, which an export replaces."""
    bare = copy.deepcopy(data)
    for node in bare["nodes"]:
        body = node["data"]["node"]
        del body["template"]["code"]["value"], body["metadata"]["code_hash"], body["metadata"]["module"]
    return bare


def flow_names(client: httpx2.Client, project_id: str) -> set[str]:
    return {f["name"] for f in client.get(f"/api/v1/projects/{project_id}").json()["flows"]}


def test_exports_contain_secrets_only_on_request(
    client: httpx2.Client, anonymous: httpx2.Client, model_url: str
) -> None:
    project = client.post("/api/v1/projects/", json={"name": f"p {uuid.uuid4()}"}).json()["id"]
    flow = create_flow(client, data=secret_flow(model_url), folder_id=project, access_type="PUBLIC")
    other = create_flow(client, data=secret_flow(model_url), folder_id=project)
    single = client.post("/api/v1/flows/download/", json=[flow["id"]])
    assert KEY not in single.text
    assert "OPENAI_API_KEY" in single.text
    public = anonymous.get(f"/api/v1/flows/public_flow/{flow['id']}")
    assert (public.status_code, KEY in public.text) == (200, False)
    requests: list[tuple[str, dict[str, Any]]] = [
        ("/api/v1/flows/download/", {"json": [flow["id"], other["id"]]}),
        (f"/api/v1/projects/download/{project}", {}),
    ]
    for path, request in requests:
        for include_secrets in (False, True):
            method = "POST" if request else "GET"
            response = client.request(method, path, params={"include_secrets": include_secrets}, **request)
            with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
                texts = [archive.read(name).decode() for name in archive.namelist()]
            assert [KEY in text for text in texts] == [include_secrets, include_secrets]
    assert KEY in client.get(f"/api/v1/flows/{flow['id']}").text


def test_an_exported_flow_runs_after_its_import(client: httpx2.Client) -> None:
    flow = create_flow(client, data=echo_flow())
    exported = client.post("/api/v1/flows/download/", json=[flow["id"]]).content
    (imported,) = client.post(UPLOAD, files={"file": ("f.json", exported)}).json()
    assert (imported["id"] != flow["id"], imported["name"]) == (True, f"{flow['name']} (1)")
    assert without_code(imported["data"]) == without_code(flow["data"])
    assert client.post(f"/api/v1/run/{imported['id']}", json={"input_value": "hi"}).status_code == 200


def test_an_exported_project_is_imported_unchanged(client: httpx2.Client) -> None:
    name = f"My / project: {uuid.uuid4()}"
    project = client.post("/api/v1/projects/", json={"name": name, "description": "About it"}).json()["id"]
    flows = ["a/b", "a:b", "ünï", "x" * 300]
    for flow in flows:
        create_flow(client, name=f"{flow} {uuid.uuid4()}", data=echo_flow(), folder_id=project, tags=["t"])
    before = client.get(f"/api/v1/projects/{project}").json()
    exported = client.get(f"/api/v1/projects/download/{project}")
    client.delete(f"/api/v1/projects/{project}")
    created = client.post("/api/v1/projects/upload/", files={"file": ("p.zip", exported.content)})
    assert created.status_code == 201
    after = client.get(f"/api/v1/projects/{created.json()[0]['folder_id']}").json()
    assert (after["name"], after["description"]) == (name, "About it")
    changing_keys = {"id", "folder_id", "updated_at", "data"}
    for flow_after, flow_before in zip(after["flows"], before["flows"], strict=True):
        assert {k: v for k, v in flow_after.items() if k not in changing_keys} == {
            k: v for k, v in flow_before.items() if k not in changing_keys
        }
        assert without_code(flow_after["data"]) == without_code(flow_before["data"])


def test_a_project_can_be_imported_from_a_json_file(client: httpx2.Client) -> None:
    name = f"folder {uuid.uuid4()}"
    body = {
        "folder_name": name,
        "folder_description": "d",
        "flows": [{"name": f"f {uuid.uuid4()}", "data": echo_flow()}],
    }
    (flow,) = client.post("/api/v1/projects/upload/", files={"file": ("p.json", json.dumps(body).encode())}).json()
    project = client.get(f"/api/v1/projects/{flow['folder_id']}").json()
    assert (project["name"], project["description"]) == (name, "d")
    assert flow_names(client, project["id"]) == {flow["name"]}


def build_zip(*entries: tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return buffer.getvalue()


def damaged_zip() -> bytes:
    content = bytearray(build_zip(("a.json", json.dumps({"name": "a"}).encode() * 50)))
    content[40:60] = b"\xff" * 20
    return bytes(content)


@pytest.mark.parametrize(
    ("content", "status", "message"),
    [
        (b"not json", 400, "not JSON"),
        (b"", 400, "not JSON"),
        (b"3", 400, "must be a JSON object"),
        (b'{"flows": 3}', 400, "must be a JSON array"),
        (b'{"flows": [{"description": "no name"}]}', 422, "name"),
        (b'{"name": "\\u0000"}', 400, "NUL"),
        (b'{"name": "\xff"}', 400, "not JSON"),
        (b"PK\x03\x04 not a zip", 400, "not a valid ZIP"),
        (damaged_zip(), 400, "not a valid ZIP"),
        (build_zip(("a.json", b"junk")), 400, "a.json in the ZIP is not JSON"),
        (build_zip(("bomb.json", b" " * 2_000_001)), 400, "larger than 2000000 bytes"),
        (build_zip(*((f"{i}.json", b" " * 1_900_000) for i in range(6))), 400, "unpacks to more"),
        (build_zip(*((f"{i}.json", b"{}") for i in range(1001))), 400, "more than 1000 flows"),
    ],
    ids=lambda value: str(value)[:20] if isinstance(value, str) else None,
)
@pytest.mark.parametrize("path", [UPLOAD, "/api/v1/projects/upload/"])
def test_an_invalid_flow_file_is_rejected_with_a_reason(
    client: httpx2.Client, path: str, content: bytes, status: int, message: str
) -> None:
    before = len(client.get("/api/v1/flows/", params={"header_flows": True}).json())
    projects = len(client.get("/api/v1/projects/").json())
    response = client.post(path, files={"file": ("f.zip", content)})
    assert (response.status_code, message in response.text) == (status, True), response.text
    assert len(client.get("/api/v1/flows/", params={"header_flows": True}).json()) == before
    assert len(client.get("/api/v1/projects/").json()) == projects


def test_a_file_in_an_export_is_named_after_its_flow(client: httpx2.Client) -> None:
    name = f"in / out {uuid.uuid4()}"
    flows = [create_flow(client, name=name)["id"], create_flow(client)["id"]]
    response = client.post("/api/v1/flows/download/", json=flows)
    with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
        assert archive.namelist()[0] == f"{name.replace('/', '_')}.json"


def test_unsafe_entry_names_of_a_zip_are_ignored(client: httpx2.Client) -> None:
    name = f"evil {uuid.uuid4()}"
    body = json.dumps({"name": name, "data": echo_flow()}).encode()
    response = client.post(
        UPLOAD, files={"file": ("f.zip", build_zip(("../../etc/passwd.json", body), ("x/y.txt", b"no")))}
    )
    assert [f["name"] for f in response.json()] == [name]


def test_a_batch_is_stored_completely_or_not_at_all(client: httpx2.Client) -> None:
    name = f"b {uuid.uuid4()}"
    rejected = client.post("/api/v1/flows/batch/", json={"flows": [{"name": name}, {"name": ""}]})
    assert rejected.status_code == 422
    assert name not in client.get("/api/v1/flows/", params={"header_flows": True}).text


def test_a_change_based_on_an_old_version_is_rejected(client: httpx2.Client) -> None:
    flow = create_flow(client, data=echo_flow())
    address = f"/api/v1/flows/{flow['id']}"
    first = client.patch(address, json={"description": "ada's", "updated_at": flow["updated_at"]})
    assert first.status_code == 200
    assert first.json()["updated_at"] > flow["updated_at"]
    second = client.patch(address, json={"description": "bob's", "updated_at": flow["updated_at"]})
    assert (second.status_code, "Read it again" in second.json()["detail"]) == (409, True)
    assert client.get(address).json()["description"] == "ada's"
    merged = client.patch(address, json={"description": "both", "updated_at": first.json()["updated_at"]})
    assert merged.json()["description"] == "both"


def test_one_of_several_concurrent_changes_wins_and_the_others_are_rejected(client: httpx2.Client) -> None:
    flow = create_flow(client, data=echo_flow())
    responses: list[httpx2.Response] = []

    def change(text: str) -> None:
        with httpx2.Client(base_url=client.base_url, headers=client.headers) as own_client:
            body = {"description": text, "updated_at": flow["updated_at"]}
            responses.append(own_client.patch(f"/api/v1/flows/{flow['id']}", json=body))

    threads = [threading.Thread(target=change, args=(str(i),)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(a.status_code for a in responses) == [200] + [409] * 5
    winner = next(a.json()["description"] for a in responses if a.status_code == 200)
    assert client.get(f"/api/v1/flows/{flow['id']}").json()["description"] == winner


def test_concurrent_changes_of_different_columns_are_all_stored(client: httpx2.Client) -> None:
    flow = create_flow(client, data=echo_flow())

    async def change() -> None:
        async with httpx2.AsyncClient(base_url=client.base_url, headers=client.headers) as own_client:
            changes = [{"description": "d"}, {"tags": ["t"]}, {"icon": "i"}, {"locked": True}]
            await asyncio.gather(*(own_client.patch(f"/api/v1/flows/{flow['id']}", json=c) for c in changes))

    asyncio.run(change())
    after = client.get(f"/api/v1/flows/{flow['id']}").json()
    assert (after["description"], after["tags"], after["icon"], after["locked"]) == ("d", ["t"], "i", True)


def test_names_of_maximum_length_are_made_unique(client: httpx2.Client) -> None:
    name = uuid.uuid4().hex + "x" * 223
    created = [client.post("/api/v1/projects/", json={"name": name}).json()["name"] for _ in range(3)]
    assert len({*created}) == 3
    assert all(len(m) <= 255 for m in created)
