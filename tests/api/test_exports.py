"""Flows and projects go out as files and come in again."""

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

from tests.flow_builder import echo_flow, model_flow
from tests.model_server import KEY

UPLOAD = "/api/v1/flows/upload/"


def saved(client: httpx2.Client, **body: Any) -> dict[str, Any]:
    answer = client.post("/api/v1/flows/", json={"name": f"flow {uuid.uuid4()}", **body})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


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


def names_of(client: httpx2.Client, project_id: str) -> set[str]:
    return {f["name"] for f in client.get(f"/api/v1/projects/{project_id}").json()["flows"]}


def test_exports_hold_no_secrets_unless_asked_for(client: httpx2.Client, anyone: httpx2.Client, model_url: str) -> None:
    project = client.post("/api/v1/projects/", json={"name": f"p {uuid.uuid4()}"}).json()["id"]
    flow = saved(client, data=secret_flow(model_url), folder_id=project, access_type="PUBLIC")
    other = saved(client, data=secret_flow(model_url), folder_id=project)
    alone = client.post("/api/v1/flows/download/", json=[flow["id"]])
    assert KEY not in alone.text
    assert "OPENAI_API_KEY" in alone.text
    public = anyone.get(f"/api/v1/flows/public_flow/{flow['id']}")
    assert (public.status_code, KEY in public.text) == (200, False)
    for path, request in [
        ("/api/v1/flows/download/", {"json": [flow["id"], other["id"]]}),
        (f"/api/v1/projects/download/{project}", {}),
    ]:
        for asked in (False, True):
            method = "POST" if request else "GET"
            answer = client.request(method, path, params={"include_secrets": asked}, **request)
            with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
                texts = [archive.read(name).decode() for name in archive.namelist()]
            assert [KEY in text for text in texts] == [asked, asked]
    assert KEY in client.get(f"/api/v1/flows/{flow['id']}").text


def test_a_flow_that_was_exported_runs_when_it_is_back(client: httpx2.Client) -> None:
    flow = saved(client, data=echo_flow())
    exported = client.post("/api/v1/flows/download/", json=[flow["id"]]).content
    (back,) = client.post(UPLOAD, files={"file": ("f.json", exported)}).json()
    assert (back["id"] != flow["id"], back["name"]) == (True, f"{flow['name']} (1)")
    assert back["data"] == flow["data"]
    assert client.post(f"/api/v1/run/{back['id']}", json={"input_value": "hi"}).status_code == 200


def test_a_project_comes_back_as_it_was(client: httpx2.Client) -> None:
    name = f"My / project: {uuid.uuid4()}"
    project = client.post("/api/v1/projects/", json={"name": name, "description": "About it"}).json()["id"]
    flows = ["a/b", "a:b", "ünï", "x" * 300]
    for flow in flows:
        saved(client, name=f"{flow} {uuid.uuid4()}", data=echo_flow(), folder_id=project, tags=["t"])
    before = client.get(f"/api/v1/projects/{project}").json()
    exported = client.get(f"/api/v1/projects/download/{project}")
    client.delete(f"/api/v1/projects/{project}")
    made = client.post("/api/v1/projects/upload/", files={"file": ("p.zip", exported.content)})
    assert made.status_code == 201
    after = client.get(f"/api/v1/projects/{made.json()[0]['folder_id']}").json()
    assert (after["name"], after["description"]) == (name, "About it")
    strip = {"id", "folder_id", "updated_at"}
    assert [{k: v for k, v in f.items() if k not in strip} for f in after["flows"]] == [
        {k: v for k, v in f.items() if k not in strip} for f in before["flows"]
    ]


def test_a_project_is_made_of_a_json_file_too(client: httpx2.Client) -> None:
    name = f"folder {uuid.uuid4()}"
    body = {
        "folder_name": name,
        "folder_description": "d",
        "flows": [{"name": f"f {uuid.uuid4()}", "data": echo_flow()}],
    }
    (flow,) = client.post("/api/v1/projects/upload/", files={"file": ("p.json", json.dumps(body).encode())}).json()
    project = client.get(f"/api/v1/projects/{flow['folder_id']}").json()
    assert (project["name"], project["description"]) == (name, "d")
    assert names_of(client, project["id"]) == {flow["name"]}


def zipped(*entries: tuple[str, bytes]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return held.getvalue()


def damaged() -> bytes:
    whole = bytearray(zipped(("a.json", json.dumps({"name": "a"}).encode() * 50)))
    whole[40:60] = b"\xff" * 20
    return bytes(whole)


@pytest.mark.parametrize(
    ("content", "status", "says"),
    [
        (b"not json", 400, "not JSON"),
        (b"", 400, "not JSON"),
        (b"3", 400, "must be a JSON object"),
        (b'{"flows": 3}', 400, "must be a JSON array"),
        (b'{"flows": [{"description": "no name"}]}', 422, "name"),
        (b'{"name": "\\u0000"}', 400, "NUL"),
        (b'{"name": "\xff"}', 400, "not JSON"),
        (b"PK\x03\x04 no zip at all", 400, "no ZIP"),
        (damaged(), 400, "no ZIP"),
        (zipped(("a.json", b"junk")), 400, "a.json in the ZIP is not JSON"),
        (zipped(("bomb.json", b" " * 200_000_001)), 400, "unpacks to more"),
        (zipped(*((f"{i}.json", b"{}") for i in range(1001))), 400, "more than 1000 flows"),
    ],
    ids=lambda value: str(value)[:20] if isinstance(value, str) else None,
)
@pytest.mark.parametrize("path", [UPLOAD, "/api/v1/projects/upload/"])
def test_a_file_that_is_no_flow_is_refused_with_the_reason(
    client: httpx2.Client, path: str, content: bytes, status: int, says: str
) -> None:
    before = len(client.get("/api/v1/flows/", params={"header_flows": True}).json())
    projects = len(client.get("/api/v1/projects/").json())
    answer = client.post(path, files={"file": ("f.zip", content)})
    assert (answer.status_code, says in answer.text) == (status, True), answer.text
    assert len(client.get("/api/v1/flows/", params={"header_flows": True}).json()) == before
    assert len(client.get("/api/v1/projects/").json()) == projects


def test_an_exported_flow_has_its_whole_name(client: httpx2.Client) -> None:
    name = f"in / out {uuid.uuid4()}"
    flows = [saved(client, name=name)["id"], saved(client)["id"]]
    answer = client.post("/api/v1/flows/download/", json=flows)
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.namelist()[0] == f"{name.replace('/', '_')}.json"


def test_entries_with_evil_names_are_only_flows(client: httpx2.Client) -> None:
    name = f"evil {uuid.uuid4()}"
    body = json.dumps({"name": name, "data": echo_flow()}).encode()
    answer = client.post(UPLOAD, files={"file": ("f.zip", zipped(("../../etc/passwd.json", body), ("x/y.txt", b"no")))})
    assert [f["name"] for f in answer.json()] == [name]


def test_a_batch_is_kept_whole_or_not_at_all(client: httpx2.Client) -> None:
    name = f"b {uuid.uuid4()}"
    refused = client.post("/api/v1/flows/batch/", json={"flows": [{"name": name}, {"name": ""}]})
    assert refused.status_code == 422
    assert name not in client.get("/api/v1/flows/", params={"header_flows": True}).text


def test_a_change_to_an_older_version_is_refused_and_the_newer_one_stays(client: httpx2.Client) -> None:
    flow = saved(client, data=echo_flow())
    address = f"/api/v1/flows/{flow['id']}"
    first = client.patch(address, json={"description": "ada's", "updated_at": flow["updated_at"]})
    assert first.status_code == 200
    assert first.json()["updated_at"] > flow["updated_at"]
    second = client.patch(address, json={"description": "bob's", "updated_at": flow["updated_at"]})
    assert (second.status_code, "Read it again" in second.json()["detail"]) == (409, True)
    assert client.get(address).json()["description"] == "ada's"
    again = client.patch(address, json={"description": "both", "updated_at": first.json()["updated_at"]})
    assert again.json()["description"] == "both"


def test_of_changes_at_once_to_one_version_one_wins_and_the_others_know(client: httpx2.Client) -> None:
    flow = saved(client, data=echo_flow())
    answers: list[httpx2.Response] = []

    def change(text: str) -> None:
        with httpx2.Client(base_url=client.base_url, headers=client.headers) as own:
            body = {"description": text, "updated_at": flow["updated_at"]}
            answers.append(own.patch(f"/api/v1/flows/{flow['id']}", json=body))

    threads = [threading.Thread(target=change, args=(str(i),)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(a.status_code for a in answers) == [200] + [409] * 5
    winner = next(a.json()["description"] for a in answers if a.status_code == 200)
    assert client.get(f"/api/v1/flows/{flow['id']}").json()["description"] == winner


def test_changes_at_once_to_different_things_are_all_kept(client: httpx2.Client) -> None:
    flow = saved(client, data=echo_flow())

    async def change() -> None:
        async with httpx2.AsyncClient(base_url=client.base_url, headers=client.headers) as own:
            changes = [{"description": "d"}, {"tags": ["t"]}, {"icon": "i"}, {"locked": True}]
            await asyncio.gather(*(own.patch(f"/api/v1/flows/{flow['id']}", json=c) for c in changes))

    asyncio.run(change())
    after = client.get(f"/api/v1/flows/{flow['id']}").json()
    assert (after["description"], after["tags"], after["icon"], after["locked"]) == ("d", ["t"], "i", True)


def test_the_longest_name_can_be_taken_twice(client: httpx2.Client) -> None:
    name = uuid.uuid4().hex + "x" * 223
    made = [client.post("/api/v1/projects/", json={"name": name}).json()["name"] for _ in range(3)]
    assert len({*made}) == 3
    assert all(len(m) <= 255 for m in made)
