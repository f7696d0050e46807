"""The starter flows: whole flow files, each of which runs with the local model."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from headrace.app import create_app
from headrace.starter.library import Starter, Starters
from tests.clients import signed_in
from tests.conftest import settings_for
from tests.flow_builder import registry

STARTERS = {starter.slug: starter for starter in Starters(registry()).all}


@pytest.fixture(params=STARTERS)
def starter(request: pytest.FixtureRequest) -> Starter:
    return STARTERS[request.param]


def test_there_are_starters_and_basic_chat_is_the_first() -> None:
    assert len(STARTERS) >= 8
    assert next(iter(STARTERS)) == "basic-chat"


def test_a_starter_is_a_whole_flow_file(starter: Starter) -> None:
    nodes = {n["id"]: n for n in starter.data["nodes"]}
    assert starter.data["viewport"].keys() == {"x", "y", "zoom"}
    for node in nodes.values():
        assert node["position"].keys() == {"x", "y"}
        assert node["data"]["id"] == node["id"]
        if node["type"] == "genericNode":
            body = node["data"]["node"]
            assert {"template", "outputs", "base_classes", "field_order", "metadata", "edited"} <= body.keys()
            assert body["template"]["code"]["value"]
    for edge in starter.data["edges"]:
        assert edge["source"] in nodes
        fields = nodes[edge["target"]]["data"]["node"]["template"]
        for end in ("sourceHandle", "targetHandle"):
            assert json.loads(edge[end].replace("œ", '"')) == edge["data"][end]
        into, out = edge["data"]["targetHandle"], edge["data"]["sourceHandle"]
        assert fields[into["fieldName"]]["input_types"] == into["inputTypes"]
        assert set(out["output_types"]) & set(into["inputTypes"])
        outputs = nodes[edge["source"]]["data"]["node"]["outputs"]
        assert out["name"] in {o["name"] for o in outputs}
    positions = [tuple(n["position"].values()) for n in nodes.values()]
    assert len(set(positions)) == len(positions)


def test_a_starter_says_what_it_shows_and_needs(starter: Starter) -> None:
    (note,) = [n for n in starter.data["nodes"] if n["type"] == "noteNode"]
    text = note["data"]["node"]["description"]
    assert starter.name in text
    assert re.search(r"\bNeeds a model\b", text)
    assert starter.description
    assert starter.tags


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    with signed_in(create_app(settings_for(tmp_path_factory.mktemp("starters")))) as client:
        yield client


@pytest.mark.xdist_group("local model")
def test_a_starter_runs_with_the_local_model(client: httpx2.Client, starter: Starter) -> None:
    pytest.importorskip("xllamacpp", reason="the extra `local` isn't installed")
    listed: list[dict[str, Any]] = httpx2.get(f"{client.base_url}/api/v1/flows/basic_examples/").json()
    body = next(f for f in listed if f["name"] == starter.name)
    flow = client.post("/api/v1/flows/", json=body).json()["id"]
    answer = client.post(f"/api/v1/run/{flow}", json={"input_value": "A mill by the river", "session_id": "s"})
    assert answer.status_code == 200, answer.text
    (result,) = answer.json()["outputs"][0]["outputs"]
    assert result["results"]["message"]["text"].strip()


def test_there_are_none_where_the_operator_wants_none(tmp_path: Path) -> None:
    app = create_app(settings_for(tmp_path, create_starter_projects=False))
    with signed_in(app) as client:
        assert client.get("/api/v1/flows/basic_examples/").json() == []
        assert client.get("/api/v1/starter-projects/").json() == []
        assert client.get("/api/v1/flows/").json() == []
