"""The starter flows are complete flow files that run with the local model."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from headrace.app import create_app
from headrace.services.starter_flows import StarterFlow, StarterFlows
from tests.conftest import settings_for
from tests.support.clients import signed_in
from tests.support.flow_builder import registry

STARTERS = {starter.slug: starter for starter in StarterFlows(registry()).all}


@pytest.fixture(params=STARTERS)
def starter(request: pytest.FixtureRequest) -> StarterFlow:
    return STARTERS[request.param]


def test_basic_chat_is_the_first_of_the_starter_flows() -> None:
    assert len(STARTERS) >= 8
    assert next(iter(STARTERS)) == "basic-chat"


def test_a_starter_flow_is_a_complete_flow_file(starter: StarterFlow) -> None:
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
        target_handle, source_handle = edge["data"]["targetHandle"], edge["data"]["sourceHandle"]
        assert fields[target_handle["fieldName"]]["input_types"] == target_handle["inputTypes"]
        assert set(source_handle["output_types"]) & set(target_handle["inputTypes"])
        outputs = nodes[edge["source"]]["data"]["node"]["outputs"]
        assert source_handle["name"] in {o["name"] for o in outputs}
    positions = [tuple(n["position"].values()) for n in nodes.values()]
    assert len(set(positions)) == len(positions)


def test_a_starter_flow_has_a_note_about_its_requirements(starter: StarterFlow) -> None:
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
def test_a_starter_flow_runs_with_the_local_model(client: httpx2.Client, starter: StarterFlow) -> None:
    pytest.importorskip("xllamacpp", reason="the extra `local` isn't installed")
    listed: list[dict[str, Any]] = httpx2.get(f"{client.base_url}/api/v1/flows/basic_examples/").json()
    body = next(f for f in listed if f["name"] == starter.name)
    flow = client.post("/api/v1/flows/", json=body).json()["id"]
    response = client.post(f"/api/v1/run/{flow}", json={"input_value": "A mill by the river", "session_id": "s"})
    assert response.status_code == 200, response.text
    (result,) = response.json()["outputs"][0]["outputs"]
    assert result["results"]["message"]["text"].strip()


def test_starter_flows_can_be_disabled(tmp_path: Path) -> None:
    app = create_app(settings_for(tmp_path, create_starter_projects=False))
    with signed_in(app) as client:
        assert client.get("/api/v1/flows/basic_examples/").json() == []
        assert client.get("/api/v1/starter-projects/").json() == []
        assert client.get("/api/v1/flows/").json() == []
