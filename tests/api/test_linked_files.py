"""Flows that are linked to files on disk: written on every save, and read back when a file changes."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest

from headrace.app import create_app
from tests.conftest import PASSWORD, settings_for
from tests.support.clients import log_in, signed_in
from tests.support.custom_code import SHOUT, flow_with_code, unique_source
from tests.support.flow_builder import echo_flow, model_flow
from tests.support.server import serving
from tests.support.waiting import until

KEY = "sk-secret-value-of-a-linked-flow"


@pytest.fixture(scope="module")
def config_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("linked")


@pytest.fixture(scope="module")
def admin(database_url: str | None, config_dir: Path) -> Iterator[httpx2.Client]:
    """Yield a client of a server that checks linked files every 20 ms."""
    settings = settings_for(config_dir, database_url, fs_flows_polling_interval=20, max_request_bytes=200_000)
    with signed_in(create_app(settings)) as client:
        yield client


@pytest.fixture
def folder(admin: httpx2.Client, config_dir: Path) -> Path:
    return config_dir / "flows" / str(admin.get("/api/v1/users/whoami").json()["id"])


@pytest.fixture
def path() -> str:
    return f"team/{uuid.uuid4()}.json"


def link(client: httpx2.Client, path: str, data: dict[str, Any] | None = None, **columns: Any) -> dict[str, Any]:
    """Create a flow that is linked to a path and return it."""
    body = {"name": f"linked {uuid.uuid4()}", "data": data or echo_flow(), "fs_path": path, **columns}
    response = client.post("/api/v1/flows/", json=body)
    assert response.status_code == 201, response.text
    return dict(response.json())


def read(client: httpx2.Client, flow: dict[str, Any]) -> dict[str, Any]:
    return dict(client.get(f"/api/v1/flows/{flow['id']}").json())


def change_on_disk(file: Path, **changes: Any) -> None:
    """Replace a file like version control does: with a new one."""
    new = file.with_suffix(".new")
    new.write_text(json.dumps({**json.loads(file.read_text()), **changes}))
    new.replace(file)


def wait_for(client: httpx2.Client, flow: dict[str, Any], **columns: Any) -> dict[str, Any]:
    """Return a flow as soon as it has these columns."""

    def poll() -> dict[str, Any] | None:
        found = read(client, flow)
        return found if found.items() >= columns.items() else None

    return dict(until(poll))


def test_each_save_writes_the_file(admin: httpx2.Client, folder: Path, path: str) -> None:
    flow = link(admin, path)
    assert flow["fs_path"] == path
    written = json.loads((folder / path).read_text())
    assert (written["id"], written["name"], len(written["data"]["nodes"])) == (flow["id"], flow["name"], 2)
    admin.patch(f"/api/v1/flows/{flow['id']}", json={"description": "changed"})
    assert json.loads((folder / path).read_text())["description"] == "changed"
    assert [f.name for f in (folder / path).parent.iterdir() if f.name.startswith(".")] == []


def test_a_change_on_disk_becomes_the_flow_and_survives_the_next_save(
    admin: httpx2.Client, folder: Path, path: str
) -> None:
    flow = link(admin, path)
    change_on_disk(folder / path, description="from git", access_type="PUBLIC", fs_path="elsewhere.json")
    changed = wait_for(admin, flow, description="from git")
    assert (changed["access_type"], changed["fs_path"], changed["name"]) == ("PRIVATE", path, flow["name"])
    saved = admin.patch(f"/api/v1/flows/{flow['id']}", json={"icon": "star"}).json()
    assert (saved["description"], json.loads((folder / path).read_text())["description"]) == ("from git", "from git")


def test_an_uploaded_flow_can_be_linked(admin: httpx2.Client, folder: Path, path: str) -> None:
    file = json.dumps({"name": f"up {uuid.uuid4()}", "data": echo_flow(), "fs_path": path}).encode()
    (flow,) = admin.post("/api/v1/flows/upload/", files={"file": ("f.json", file)}).json()
    assert json.loads((folder / path).read_text())["id"] == flow["id"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("{broken", "not JSON"),
        ('{"name": "a"' + ', "data": ' + '{"a":' * 500 + "1" + "}" * 500 + "}", "deep"),
        ('{"name": "' + "x" * 300_000 + '"}', "larger than 200000 bytes"),
        ('{"name": "", "data": {"nodes": 1, "edges": []}}', "not a valid flow"),
        ('{"flows": [{"name": "a"}, {"name": "b"}]}', "contains 2 flows"),
    ],
    ids=["broken", "deep", "large", "invalid", "two flows"],
)
def test_a_bad_file_is_reported_and_the_stored_flow_stays(
    admin: httpx2.Client, folder: Path, path: str, content: str, problem: str
) -> None:
    flow = link(admin, path)
    good = (folder / path).read_text()
    (folder / path).write_text(content)

    def poll() -> dict[str, Any] | None:
        # The server may read the file before it is complete, and reads it again.
        found = read(admin, flow)
        return found if problem in (found["fs_error"] or "") else None

    reported = until(poll)
    assert {**reported, "fs_error": None} == read_without_error(flow)
    refused = admin.patch(f"/api/v1/flows/{flow['id']}", json={"description": "new"})
    assert (refused.status_code, problem in refused.json()["detail"]) == (409, True)
    assert (folder / path).read_text() == content
    (folder / path).write_text(good)
    wait_for(admin, flow, fs_error=None)
    assert admin.patch(f"/api/v1/flows/{flow['id']}", json={"description": "new"}).status_code == 200


def read_without_error(flow: dict[str, Any]) -> dict[str, Any]:
    return {**flow, "unapproved_nodes": None, "unapproved_code": None}


def test_foreign_code_in_a_file_is_stored_and_not_approved(admin: httpx2.Client, folder: Path, path: str) -> None:
    flow = link(admin, path)
    change_on_disk(folder / path, data=flow_with_code(unique_source(SHOUT)), description="code")
    wait_for(admin, flow, description="code")
    refused = admin.post(f"/api/v1/run/{flow['id']}", json={"input_value": "x"})
    assert (refused.status_code, "not approved" in refused.json()["detail"]) == (400, True)


def test_a_file_holds_no_secret_and_a_change_of_it_keeps_the_stored_one(
    admin: httpx2.Client, folder: Path, path: str
) -> None:
    flow = link(admin, path, model_flow("http://127.0.0.1:9/v1", KEY))
    text = (folder / path).read_text()
    assert KEY not in text
    data = json.loads(text)["data"]
    data["nodes"].append({"id": "note", "type": "noteNode", "position": {"x": 0, "y": 0}, "data": {"id": "note"}})
    change_on_disk(folder / path, data=data, description="with a note")
    changed = wait_for(admin, flow, description="with a note")
    assert [n["id"] for n in changed["data"]["nodes"]] == [*(n["id"] for n in flow["data"]["nodes"]), "note"]
    assert changed["data"]["nodes"][:-1] == flow["data"]["nodes"]
    assert KEY in json.dumps(changed)


def test_secrets_in_a_table_follow_their_rows(admin: httpx2.Client, folder: Path, path: str) -> None:
    rows = [{"key": "Authorization", "value": f"Bearer {KEY}"}, {"key": "X-Api-Key", "value": f"{KEY}-2"}]
    data = echo_flow()
    headers = {"type": "table", "name": "headers", "value": rows}
    data["nodes"][0]["data"]["node"]["template"]["headers"] = headers
    flow = link(admin, path, data)
    written = json.loads((folder / path).read_text())["data"]
    assert KEY not in json.dumps(written)
    field = written["nodes"][0]["data"]["node"]["template"]["headers"]
    field["value"] = [field["value"][1], {"key": "Accept", "value": "text/html"}, field["value"][0]]
    change_on_disk(folder / path, data=written, description="moved")
    changed = wait_for(admin, flow, description="moved")["data"]
    assert changed["nodes"][0]["data"]["node"]["template"]["headers"]["value"] == [
        rows[1],
        {"key": "Accept", "value": "text/html"},
        rows[0],
    ]


def test_no_symbolic_link_leads_out_of_the_folder(
    admin: httpx2.Client, folder: Path, tmp_path: Path, path: str
) -> None:
    link(admin, path)
    outside = tmp_path / "outside"
    outside.mkdir()
    (folder / "out").symlink_to(outside)
    refused = admin.post("/api/v1/flows/", json={"name": "x", "fs_path": "out/flow.json"})
    assert (refused.status_code, "symbolic link" in refused.json()["detail"]) == (400, True)
    secret = tmp_path / "secret.json"
    secret.write_text(json.dumps({"name": "stolen", "data": echo_flow()}))
    (folder / path).unlink()
    (folder / path).symlink_to(secret)
    other = link(admin, f"{path}.next")
    change_on_disk(folder / f"{path}.next", description="seen")
    wait_for(admin, other, description="seen")
    names = [f["name"] for f in admin.get("/api/v1/flows/", params={"header_flows": True}).json()]
    assert "stolen" not in names
    assert list(outside.iterdir()) == []
    (folder / "out").unlink()


def test_each_user_has_a_folder_which_is_deleted_with_the_user(
    admin: httpx2.Client, config_dir: Path, path: str
) -> None:
    name = f"ada-{uuid.uuid4()}"
    user = admin.post("/api/v1/users/", json={"username": name, "password": PASSWORD}).json()
    admin.patch(f"/api/v1/users/{user['id']}", json={"is_active": True})
    link(admin, path)
    base = str(admin.base_url).rstrip("/")
    with httpx2.Client(base_url=base, headers=log_in(base, name)) as ada:
        flow = link(ada, path)
    own = config_dir / "flows" / user["id"]
    assert json.loads((own / path).read_text())["id"] == flow["id"]
    admin.delete(f"/api/v1/users/{user['id']}")
    assert not own.exists()


def test_a_failed_change_leaves_the_file_as_it_is(admin: httpx2.Client, folder: Path, path: str) -> None:
    flow = link(admin, path)
    before = (folder / path).read_text()
    stale = {"description": "late", "updated_at": "2020-01-01T00:00:00+00:00"}
    assert admin.patch(f"/api/v1/flows/{flow['id']}", json=stale).status_code == 409
    assert (folder / path).read_text() == before
    assert admin.post("/api/v1/flows/", json={"name": "second", "fs_path": path}).status_code == 409
    assert (folder / path).read_text() == before


def test_saves_beside_a_failing_one_are_stored_and_the_file_is_the_flow(
    admin: httpx2.Client, folder: Path, path: str
) -> None:
    flow = link(admin, path)
    url = f"/api/v1/flows/{flow['id']}"
    good = [{"description": f"change {n}"} for n in range(8)]
    bodies = [*good, {"description": "late", "updated_at": "2020-01-01T00:00:00+00:00"}, *good, *good]
    for _ in range(5):
        with ThreadPoolExecutor(len(bodies)) as pool:
            statuses = [r.status_code for r in pool.map(lambda body: admin.patch(url, json=body), bodies)]
        assert statuses == [409 if "updated_at" in body else 200 for body in bodies]
        assert json.loads((folder / path).read_text())["description"] == read(admin, flow)["description"]
    assert [f.name for f in (folder / path).parent.iterdir() if f.name.startswith(".")] == []


@pytest.mark.parametrize("route", ["flows/batch/", "flows/upload/", "projects/upload/"])
def test_a_failed_import_leaves_no_linked_file(admin: httpx2.Client, folder: Path, path: str, route: str) -> None:
    link(admin, path)
    orphan = folder / f"{path}.orphan"
    orphan.write_text("a file of a deleted flow")
    before = {f: f.read_text() for f in folder.rglob("*") if f.is_file()}
    paths = [f"{path}.first", f"{path}.orphan", path]
    flows = [{"name": f"import {uuid.uuid4()}", "data": echo_flow(), "fs_path": p} for p in paths]
    if route == "flows/batch/":
        refused = admin.post(f"/api/v1/{route}", json={"flows": flows})
    elif route == "flows/upload/":
        refused = admin.post(f"/api/v1/{route}", files={"file": ("f.json", json.dumps({"flows": flows}).encode())})
    else:
        project = {"folder_name": f"project {uuid.uuid4()}", "folder_description": "", "flows": flows}
        refused = admin.post(f"/api/v1/{route}", files={"file": ("f.json", json.dumps(project).encode())})
    assert refused.status_code == 409, refused.text
    assert {f: f.read_text() for f in folder.rglob("*") if f.is_file()} == before


def test_several_servers_read_a_change_once(database_url: str | None, tmp_path: Path) -> None:
    if database_url is None:
        database_url = f"sqlite:///{tmp_path / 'shared.db'}"
    settings = settings_for(tmp_path, database_url, fs_flows_polling_interval=20, secret_key="k" * 32)
    with signed_in(create_app(settings)) as first, serving(create_app(settings)) as other:
        flow = link(first, f"{uuid.uuid4()}.json")
        (file,) = (tmp_path / "flows").rglob("*.json")
        change_on_disk(file, description="once")
        with httpx2.Client(base_url=other, headers=dict(first.headers)) as second:
            changed = wait_for(second, flow, description="once")
            for client in (second, first, second):
                saved = client.patch(f"/api/v1/flows/{flow['id']}", json={"icon": "star"})
                assert saved.status_code == 200, saved.text
                assert saved.json()["description"] == changed["description"]
