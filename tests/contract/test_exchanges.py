"""The recorded exchanges, replayed against a running server on each database."""

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
from tests.contract.shapes import Like, Maybe, differences
from tests.databases import postgres_database
from tests.server import serving


def filled(value: Any, names: dict[str, str]) -> Any:
    """Return `value` with every `{name}` replaced; `{{` stands for a brace where a body needs one."""
    if isinstance(value, str):
        for name, text in names.items():
            value = value.replace("{" + name + "}", text)
        return value.replace("{{", "{").replace("}}", "}")
    if isinstance(value, Like):
        return value
    if isinstance(value, Maybe):
        return Maybe(filled(value.shape, names))
    if isinstance(value, dict):
        return {filled(k, names): filled(v, names) for k, v in value.items()}
    if isinstance(value, list):
        return [filled(v, names) for v in value]
    return value


def body_of(answer: httpx2.Response) -> Any:
    kind = answer.headers.get("content-type", "").partition(";")[0]
    if kind == "application/x-zip-compressed":
        return {"zip": zipfile.ZipFile(io.BytesIO(answer.content)).namelist()}
    if kind == "application/json":
        return answer.json() if answer.content else None
    if kind == "application/x-ndjson":
        return {"events": [json.loads(line)["event"] for line in answer.text.splitlines() if line]}
    return {"bytes": answer.text}


class Replay:
    """Sends exchanges and remembers what later ones need."""

    def __init__(self, base: str) -> None:
        run = uuid.uuid4().hex[:8]
        self.names = {n: f"{n}-{run}" for n in ("ada", "project_name", "flow_name", "endpoint", "session", "variable")}
        self.client = httpx2.Client(base_url=base, timeout=30, follow_redirects=True)
        token = self.client.post("/api/v1/login", data={"username": "admin", "password": PASSWORD}).json()
        made = self.client.post(
            "/api/v1/api_key/", json={"name": "replay"}, headers={"authorization": f"Bearer {token['access_token']}"}
        )
        self.names["key:admin"] = made.json()["api_key"]

    def headers(self, who: str | None) -> dict[str, str]:
        if who is None:
            return {}
        if who == "admin":
            return {"x-api-key": self.names["key:admin"]}
        return {"authorization": f"Bearer {self.names[f'token:{who}']}"}

    def send(self, exchange: Exchange) -> list[str]:
        """Return how the answer differs from the record."""
        self.client.cookies.clear()
        send = {k: v if k == "files" else filled(v, self.names) for k, v in exchange.send.items()}
        answer = self.client.request(
            exchange.method,
            filled(exchange.path, self.names),
            headers={**self.headers(exchange.who), **send.pop("headers", {})},
            **send,
        )
        if answer.status_code != exchange.status:
            return [f"status {answer.status_code}: {answer.text[:300]}"]
        body = body_of(answer)
        for name, path in exchange.keep.items():
            found = body
            for step in path.split("."):
                found = found[int(step)] if isinstance(found, list) else found[step]
            self.names[name] = found
        problems = [] if exchange.status == 204 else differences(filled(exchange.body, self.names), body)
        kind = answer.headers.get("content-type", "").partition(";")[0] or None
        if kind != exchange.type:
            problems.append(f"content type {kind}")
        return problems + [f"no cookie {c}" for c in exchange.cookies - set(answer.cookies)]


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    """An empty database: the recorded lists hold what the exchanges made, and nothing else."""
    with postgres_database() if request.param == "postgresql" else contextlib.nullcontext() as url:
        yield settings_for(tmp_path, url)


@pytest.fixture
def replay(settings: Settings) -> Iterator[Replay]:
    with serving(create_app(settings)) as base:
        yield Replay(base)


def test_every_recorded_exchange_is_answered_as_recorded(replay: Replay) -> None:
    problems: list[str] = []
    for exchange in EXCHANGES:
        problems += [f"{exchange.name}: {problem}" for problem in replay.send(exchange)]
    assert not problems, "\n".join(problems)


def test_a_shape_tells_what_is_wrong() -> None:
    shape = {"id": int, "name": Maybe(str), "tags": [str]}
    assert differences(shape, {"id": 1, "name": None, "tags": ["a"], "more": 1}) == []
    assert len(differences(shape, {"id": True, "tags": []})) == 3
