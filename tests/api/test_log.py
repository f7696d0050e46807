"""The log and the registration of the server."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from headrace.app import create_app
from tests.conftest import PASSWORD, settings_for
from tests.support.clients import signed_in

log = logging.getLogger("headrace.tests")


@pytest.fixture
def client(tmp_path: Path) -> Iterator[httpx2.Client]:
    settings = settings_for(tmp_path, log_retriever_buffer_size=20, new_user_is_active=True)
    with signed_in(create_app(settings)) as client:
        yield client


def test_log_lines_are_returned_before_or_after_a_timestamp(client: httpx2.Client) -> None:
    for i in range(30):
        log.warning("line %s", i)
    newest = client.get("/logs").json()
    assert [text[-7:] for text in newest.values()] == [f"line {i}" for i in range(20, 30)]
    assert len(client.get("/logs", params={"lines_before": 1000}).json()) == 20
    middle = list(newest)[5]
    before = client.get("/logs", params={"lines_before": 2, "timestamp": middle}).json()
    assert [text[-2:] for text in before.values()] == ["23", "24"]
    after = client.get("/logs", params={"lines_after": 2, "timestamp": middle}).json()
    assert [text[-2:] for text in after.values()] == ["25", "26"]
    assert client.get("/logs", params={"lines_after": 2}).status_code == 400
    assert client.get("/logs", params={"lines_after": 2, "lines_before": 2, "timestamp": 1}).status_code == 400


def test_log_lines_are_streamed(client: httpx2.Client) -> None:
    with client.stream("GET", "/logs-stream") as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        lines = response.iter_lines()
        assert next(lines) == "keepalive"
        word = uuid.uuid4().hex
        log.warning(word)
        line = next(line for line in lines if line.startswith("{"))
        assert word in next(iter(json.loads(line).values()))


def test_only_superusers_access_the_log_and_the_registration(client: httpx2.Client) -> None:
    assert client.post("/api/v1/users/", json={"username": "ada", "password": PASSWORD}).status_code == 201
    login = httpx2.post(f"{client.base_url}/api/v1/login", data={"username": "ada", "password": PASSWORD}).json()
    with httpx2.Client(base_url=client.base_url) as ada:
        ada.headers["authorization"] = f"Bearer {login['access_token']}"
        for path in ("/logs", "/logs-stream", "/api/v2/registration/"):
            assert ada.get(path).status_code == 403
        assert ada.post("/api/v2/registration/", json={"email": "ada@example.org"}).status_code == 403


def test_a_server_is_registered_to_one_email_address(client: httpx2.Client) -> None:
    address = "/api/v2/registration/"
    assert client.get(address).json() == {"message": "No user registered"}
    for email in ("ada@example.org", "bob@example.org"):
        assert client.post(address, json={"email": email}).json() == {"email": email}
    assert client.get(address).json()["email"] == "bob@example.org"
    assert client.post(address, json={"email": "nobody"}).status_code == 422
