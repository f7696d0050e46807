"""Variables are kept secret and reach the flows that name them."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import select

from headrace.app import create_app
from headrace.settings import Settings
from headrace.store.store import Store
from headrace.store.tables import users, variables
from tests.clients import signed_in
from tests.conftest import settings_for
from tests.flow_builder import FlowBuilder
from tests.server import serving


def kept(client: httpx2.Client, value: str, type_: str = "Credential") -> dict[str, str]:
    body = {"name": f"V{uuid.uuid4().hex}", "value": value, "type": type_, "default_fields": []}
    return dict(client.post("/api/v1/variables/", json=body).json())


def naming(variable: str) -> dict[str, object]:
    flow = FlowBuilder().node("TextInput", "TextInput-v", input_value=variable).node("TextOutput", "TextOutput-t")
    flow.edge("TextInput-v", "text", "TextOutput-t", "input_value")
    flow.data["nodes"][0]["data"]["node"]["template"]["input_value"]["load_from_db"] = True
    return flow.data


def said(client: httpx2.Client, variable: str) -> str:
    flow = client.post("/api/v1/flows/", json={"name": f"f {uuid.uuid4()}", "data": naming(variable)}).json()["id"]
    body = {"output_type": "text", "input_type": "chat"}
    answer = client.post(f"/api/v1/run/{flow}", json=body)
    return str(answer.json()["outputs"][0]["outputs"][0]["results"]["text"]["text"])


def test_a_flow_takes_the_value_of_the_variable_that_it_names(client: httpx2.Client) -> None:
    variable = kept(client, "first")
    assert said(client, variable["name"]) == "first"
    client.patch(f"/api/v1/variables/{variable['id']}", json={"id": variable["id"], "value": "second"})
    assert said(client, variable["name"]) == "second"
    client.patch(f"/api/v1/variables/{variable['id']}", json={"name": f"{variable['name']}X"})
    assert said(client, f"{variable['name']}X") == "second"


def test_a_credential_is_never_shown_again(client: httpx2.Client) -> None:
    for type_, shown in (("Credential", None), ("Generic", "s3cret!"), ("Other", None)):
        variable = kept(client, "s3cret!", type_)
        assert variable["value"] == shown
        listed = {v["name"]: v["value"] for v in client.get("/api/v1/variables/").json()}
        assert listed[variable["name"]] == shown
        patched = client.patch(f"/api/v1/variables/{variable['id']}", json={"value": "n3w!"}).json()
        assert patched["value"] == (None if shown is None else "n3w!")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"name": "  "}, "Variable name cannot be empty"),
        ({"value": ""}, "Variable value cannot be empty"),
        ({"name": "{taken}"}, "Variable name already exists"),
    ],
)
def test_a_variable_cannot_become_nothing_or_another(client: httpx2.Client, change: dict[str, str], says: str) -> None:
    taken, mine = kept(client, "a"), kept(client, "b")
    body = {k: v.replace("{taken}", taken["name"]) for k, v in change.items()}
    answer = client.patch(f"/api/v1/variables/{mine['id']}", json=body)
    assert (answer.status_code, answer.json()["detail"]) == (400, says)


def test_a_value_under_a_lost_key_can_be_listed_replaced_and_deleted(tmp_path: Path) -> None:
    with signed_in(create_app(settings_for(tmp_path, secret_key="one"))) as client:
        variable = kept(client, "readable", "Generic")
    with signed_in(create_app(settings_for(tmp_path, secret_key="two"))) as client:
        assert [v["value"] for v in client.get("/api/v1/variables/").json()] == [None]
        address = f"/api/v1/variables/{variable['id']}"
        assert client.patch(address, json={"value": "new"}).json()["value"] == "new"
        assert client.delete(address).status_code == 204


@pytest.fixture
def settings(database_url: str | None, tmp_path: Path) -> Settings:
    return settings_for(
        tmp_path,
        database_url,
        superuser=f"root-{uuid.uuid4()}",
        variables_to_get_from_environment=["TEAM_KEY", "TEAM_URL"],
    )


def stored(settings: Settings) -> dict[str, str]:
    async def read() -> dict[str, str]:
        store = Store(settings)
        await store.open()
        async with store.reading() as connection:
            query = (
                select(variables.c.name, variables.c.value).join(users).where(users.c.username == settings.superuser)
            )
            found = {row.name: row.value for row in await connection.execute(query)}
        await store.close()
        return found

    return asyncio.run(read())


def test_the_environment_is_kept_at_start_and_followed_until_somebody_changes_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEAM_KEY", "from the environment")
    monkeypatch.setenv("NOT_LISTED", "never")

    def named(change: str | None = None) -> dict[str, str]:
        """Start the server, say what its variables hold, and change the one that there is."""
        with serving(create_app(settings)) as base:
            login = httpx2.post(
                f"{base}/api/v1/login", data={"username": settings.superuser, "password": "correct horse"}
            ).json()
            with httpx2.Client(base_url=base, headers={"authorization": f"Bearer {login['access_token']}"}) as client:
                values = {v["name"]: said(client, v["name"]) for v in client.get("/api/v1/variables/").json()}
                if change is not None:
                    (row,) = client.get("/api/v1/variables/").json()
                    client.patch(f"/api/v1/variables/{row['id']}", json={"value": change})
                return values

    assert named() == {"TEAM_KEY": "from the environment"}
    assert "from the environment" not in stored(settings)["TEAM_KEY"]
    before = stored(settings)
    assert named() == {"TEAM_KEY": "from the environment"}
    assert stored(settings) == before
    monkeypatch.setenv("TEAM_KEY", "rotated")
    assert named("the user's own") == {"TEAM_KEY": "rotated"}
    monkeypatch.setenv("TEAM_KEY", "rotated again")
    assert named() == {"TEAM_KEY": "the user's own"}


def test_the_environment_stays_outside_where_the_settings_say_so(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEAM_KEY", "x")
    with serving(create_app(settings.model_copy(update={"store_environment_variables": False}))):
        pass
    assert stored(settings) == {}


def test_the_servers_own_way_to_its_bucket_is_not_for_flows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "the operator's")
    app = create_app(settings_for(tmp_path, storage_type="s3"))
    with signed_in(app) as client:
        assert "AWS_SECRET_ACCESS_KEY" not in client.get("/api/v1/variables/").text
        assert said(client, "AWS_SECRET_ACCESS_KEY") == "AWS_SECRET_ACCESS_KEY"
