"""Node JSON of the server's own source; other source is never run."""

from __future__ import annotations

from pathlib import Path

import httpx2

from headrace.component.node_json import source_of
from tests.flow_builder import registry

ADDRESS = "/api/v1/custom_component"


def test_the_servers_own_source_gives_its_node(client: httpx2.Client) -> None:
    component = registry().find("ChatOutput")
    assert component is not None
    answer = client.post(ADDRESS, json={"code": source_of(component)}).json()
    assert (answer["type"], answer["data"]["display_name"]) == ("ChatOutput", "Chat Output")
    body = {
        "code": source_of(component),
        "field": "sender_name",
        "field_value": "Zed",
        "template": {**answer["data"]["template"], "extra": {"value": 1}},
        "tool_mode": True,
    }
    node = client.post(f"{ADDRESS}/update", json=body).json()
    assert (node["template"]["sender_name"]["value"], node["tool_mode"]) == ("Zed", True)
    assert node["template"]["extra"] == {"value": 1}


def test_other_source_is_refused_and_leaves_no_trace(client: httpx2.Client, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    code = f"class X:\n    open({str(trace)!r}, 'w')\n"
    for path, more in (("", {}), ("/update", {"field": "x", "field_value": 1, "template": {}})):
        answer = client.post(f"{ADDRESS}{path}", json={"code": code, **more})
        assert (answer.status_code, "may not run code" in answer.json()["detail"]) == (403, True)
        broken = client.post(f"{ADDRESS}{path}", json={"code": "class X(:", **more})
        assert (broken.status_code, "Invalid Python code" in broken.json()["detail"]["error"]) == (400, True)
    assert not trace.exists()
