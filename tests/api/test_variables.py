"""Variables are encrypted, and available to flows by name."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import select

from headrace.app import create_app
from headrace.auth.secret_key import secret_key
from headrace.db.database import Database
from headrace.db.encryption import VariableCipher
from headrace.db.tables import users, variables
from headrace.settings import Settings
from tests.conftest import settings_for
from tests.support.clients import signed_in
from tests.support.flow_builder import FlowBuilder
from tests.support.server import serving


def create_variable(client: httpx2.Client, value: str, type_: str = "Credential") -> dict[str, str]:
    body = {"name": f"V{uuid.uuid4().hex}", "value": value, "type": type_, "default_fields": []}
    return dict(client.post("/api/v1/variables/", json=body).json())


def flow_with_variable(variable: str) -> dict[str, object]:
    flow = FlowBuilder().node("TextInput", "TextInput-v", input_value=variable).node("TextOutput", "TextOutput-t")
    flow.edge("TextInput-v", "text", "TextOutput-t", "input_value")
    flow.data["nodes"][0]["data"]["node"]["template"]["input_value"]["load_from_db"] = True
    return flow.data


def run_with_variable(client: httpx2.Client, variable: str) -> str:
    flow = client.post(
        "/api/v1/flows/", json={"name": f"f {uuid.uuid4()}", "data": flow_with_variable(variable)}
    ).json()["id"]
    body = {"output_type": "text", "input_type": "chat"}
    response = client.post(f"/api/v1/run/{flow}", json=body)
    return str(response.json()["outputs"][0]["outputs"][0]["results"]["text"]["text"])


def test_a_flow_uses_the_current_value_of_a_variable(client: httpx2.Client) -> None:
    variable = create_variable(client, "first")
    assert run_with_variable(client, variable["name"]) == "first"
    client.patch(f"/api/v1/variables/{variable['id']}", json={"id": variable["id"], "value": "second"})
    assert run_with_variable(client, variable["name"]) == "second"
    client.patch(f"/api/v1/variables/{variable['id']}", json={"name": f"{variable['name']}X"})
    assert run_with_variable(client, f"{variable['name']}X") == "second"


def test_only_generic_variables_return_their_value(client: httpx2.Client) -> None:
    for type_, visible_value in (("Credential", None), ("Generic", "s3cret!"), ("Other", None)):
        variable = create_variable(client, "s3cret!", type_)
        assert variable["value"] == visible_value
        listed = {v["name"]: v["value"] for v in client.get("/api/v1/variables/").json()}
        assert listed[variable["name"]] == visible_value
        patched = client.patch(f"/api/v1/variables/{variable['id']}", json={"value": "n3w!"}).json()
        assert patched["value"] == (None if visible_value is None else "n3w!")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "  "}, "Variable name cannot be empty"),
        ({"value": ""}, "Variable value cannot be empty"),
        ({"name": "{other}"}, "Variable name already exists"),
    ],
)
def test_a_variable_cannot_be_emptied_or_take_a_name_in_use(
    client: httpx2.Client, change: dict[str, str], message: str
) -> None:
    other, mine = create_variable(client, "a"), create_variable(client, "b")
    body = {k: v.replace("{other}", other["name"]) for k, v in change.items()}
    response = client.patch(f"/api/v1/variables/{mine['id']}", json=body)
    assert (response.status_code, response.json()["detail"]) == (400, message)


def test_a_variable_encrypted_with_a_lost_key_can_be_listed_replaced_and_deleted(tmp_path: Path) -> None:
    with signed_in(create_app(settings_for(tmp_path, secret_key="one" * 16))) as client:
        variable = create_variable(client, "readable", "Generic")
    with signed_in(create_app(settings_for(tmp_path, secret_key="two" * 16))) as client:
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


def stored_variables(settings: Settings) -> dict[str, str]:
    async def read() -> dict[str, str]:
        database = Database(settings)
        await database.open()
        async with database.connect() as connection:
            query = (
                select(variables.c.name, variables.c.value)
                .join(users)
                .where(users.c.username == settings.auth.superuser)
            )
            found = {row.name: row.value for row in await connection.execute(query)}
        await database.close()
        return found

    return asyncio.run(read())


def test_environment_variables_are_stored_at_start_and_updated_until_a_user_changes_them(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEAM_KEY", "from the environment")
    monkeypatch.setenv("NOT_LISTED", "never")

    def variables_after_start(change: str | None = None) -> dict[str, str]:
        """Start the server, return the stored values, and optionally change the only variable."""
        with serving(create_app(settings)) as base:
            stored = {name: cipher.decrypt(value) for name, value in stored_variables(settings).items()}
            login = httpx2.post(
                f"{base}/api/v1/login", data={"username": settings.auth.superuser, "password": "correct horse"}
            ).json()
            with httpx2.Client(base_url=base, headers={"authorization": f"Bearer {login['access_token']}"}) as client:
                listed = client.get("/api/v1/variables/").json()
                assert [(v["name"], v["type"], v["value"]) for v in listed] == [("TEAM_KEY", "Credential", None)]
                if change is not None:
                    client.patch(f"/api/v1/variables/{listed[0]['id']}", json={"value": change})
                return stored

    cipher = VariableCipher(secret_key(settings))
    assert variables_after_start() == {"TEAM_KEY": "from the environment"}
    assert "from the environment" not in stored_variables(settings)["TEAM_KEY"]
    before = stored_variables(settings)
    assert variables_after_start() == {"TEAM_KEY": "from the environment"}
    assert stored_variables(settings) == before
    monkeypatch.setenv("TEAM_KEY", "rotated")
    assert variables_after_start("the user's own") == {"TEAM_KEY": "rotated"}
    monkeypatch.setenv("TEAM_KEY", "rotated again")
    assert variables_after_start() == {"TEAM_KEY": "the user's own"}


def test_environment_variables_are_not_stored_if_the_setting_is_off(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEAM_KEY", "x")
    variables = settings.variables.model_copy(update={"store_environment_variables": False})
    with serving(create_app(replace(settings, variables=variables))):
        pass
    assert stored_variables(settings) == {}


def test_flows_cannot_read_the_servers_storage_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "the operator's")
    app = create_app(settings_for(tmp_path, storage_type="s3"))
    with signed_in(app) as client:
        assert "AWS_SECRET_ACCESS_KEY" not in client.get("/api/v1/variables/").text
        assert run_with_variable(client, "AWS_SECRET_ACCESS_KEY") == "AWS_SECRET_ACCESS_KEY"
