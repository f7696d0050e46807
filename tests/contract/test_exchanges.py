"""The recorded exchanges, replayed against a server on each database."""

from __future__ import annotations

import contextlib
import io
import json
import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from headrace.app import create_app
from headrace.settings import Settings
from tests.conftest import PASSWORD, settings_for
from tests.contract.exchanges import EXCHANGES, Exchange
from tests.contract.shapes import Matching, Maybe, differences
from tests.support.databases import postgres_database
from tests.support.server import serving


def fill(value: Any, names: dict[str, str]) -> Any:
    """Return `value` with every `{name}` replaced; `{{` stands for a literal brace."""
    if isinstance(value, str):
        for name, text in names.items():
            value = value.replace("{" + name + "}", text)
        return value.replace("{{", "{").replace("}}", "}")
    if isinstance(value, Matching):
        return value
    if isinstance(value, Maybe):
        return Maybe(fill(value.shape, names))
    if isinstance(value, dict):
        return {fill(k, names): fill(v, names) for k, v in value.items()}
    if isinstance(value, list):
        return [fill(v, names) for v in value]
    return value


def body_of(response: httpx2.Response) -> Any:
    media_type = response.headers.get("content-type", "").partition(";")[0]
    if media_type == "application/x-zip-compressed":
        return {"zip": zipfile.ZipFile(io.BytesIO(response.content)).namelist()}
    if media_type == "application/json":
        return response.json() if response.content else None
    if media_type == "application/x-ndjson":
        return {"events": [json.loads(line)["event"] for line in response.text.splitlines() if line]}
    return {"bytes": response.text}


class Replay:
    """Sends exchanges and captures values for later ones."""

    def __init__(self, base: str) -> None:
        suffix = uuid.uuid4().hex[:8]
        self.names = {
            n: f"{n}-{suffix}" for n in ("ada", "project_name", "flow_name", "endpoint", "session", "variable")
        }
        self.client = httpx2.Client(base_url=base, timeout=30, follow_redirects=True)
        token = self.client.post("/api/v1/login", data={"username": "admin", "password": PASSWORD}).json()
        created = self.client.post(
            "/api/v1/api_key/", json={"name": "replay"}, headers={"authorization": f"Bearer {token['access_token']}"}
        )
        self.names["key:admin"] = created.json()["api_key"]

    def headers(self, caller: str | None) -> dict[str, str]:
        if caller is None:
            return {}
        if caller == "admin":
            return {"x-api-key": self.names["key:admin"]}
        return {"authorization": f"Bearer {self.names[f'token:{caller}']}"}

    def send(self, exchange: Exchange) -> list[str]:
        """Send an exchange and return the differences between its response and the record."""
        self.client.cookies.clear()
        arguments = {k: v if k == "files" else fill(v, self.names) for k, v in exchange.request.items()}
        response = self.client.request(
            exchange.method,
            fill(exchange.path, self.names),
            headers={**self.headers(exchange.caller), **arguments.pop("headers", {})},
            **arguments,
        )
        if response.status_code != exchange.status:
            return [f"status {response.status_code}: {response.text[:300]}"]
        body = body_of(response)
        for name, path in exchange.captures.items():
            captured = body
            for step in path.split("."):
                captured = captured[int(step)] if isinstance(captured, list) else captured[step]
            self.names[name] = captured
        problems = [] if exchange.status == 204 else differences(fill(exchange.body, self.names), body)
        media_type = response.headers.get("content-type", "").partition(";")[0] or None
        if media_type != exchange.type:
            problems.append(f"content type {media_type}")
        return problems + [f"no cookie {c}" for c in exchange.cookies - set(response.cookies)]


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    """Yield the settings of an empty database: the recorded lists contain only objects that the exchanges create."""
    with postgres_database() if request.param == "postgresql" else contextlib.nullcontext() as url:
        yield settings_for(tmp_path, url)


@pytest.fixture
def replay(settings: Settings) -> Iterator[Replay]:
    with serving(create_app(settings)) as base:
        yield Replay(base)


def test_every_exchange_returns_the_recorded_response(replay: Replay) -> None:
    problems: list[str] = []
    for exchange in EXCHANGES:
        problems += [f"{exchange.name}: {problem}" for problem in replay.send(exchange)]
    assert not problems, "\n".join(problems)


def test_differences_from_a_shape_are_reported() -> None:
    shape = {"id": int, "name": Maybe(str), "tags": [str]}
    assert differences(shape, {"id": 1, "name": None, "tags": ["a"], "more": 1}) == []
    assert len(differences(shape, {"id": True, "tags": []})) == 3
