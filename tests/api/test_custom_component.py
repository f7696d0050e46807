"""Node JSON of component source; source other than the server's own is not run."""

from __future__ import annotations

from pathlib import Path

import httpx2

from headrace.component.node_json import source_of
from tests.support.flow_builder import registry

ADDRESS = "/api/v1/custom_component"


def test_the_servers_own_source_returns_its_node(client: httpx2.Client) -> None:
    component = registry().find("ChatOutput")
    assert component is not None
    response = client.post(ADDRESS, json={"code": source_of(component)}).json()
    assert (response["type"], response["data"]["display_name"]) == ("ChatOutput", "Chat Output")
    body = {
        "code": source_of(component),
        "field": "sender_name",
        "field_value": "Zed",
        "template": {**response["data"]["template"], "extra": {"value": 1}},
        "tool_mode": True,
    }
    node = client.post(f"{ADDRESS}/update", json=body).json()
    assert (node["template"]["sender_name"]["value"], node["tool_mode"]) == ("Zed", True)
    assert node["template"]["extra"] == {"value": 1}


def test_other_source_is_rejected_and_never_run(client: httpx2.Client, tmp_path: Path) -> None:
    marker = tmp_path / "trace"
    code = f"class X:\n    open({str(marker)!r}, 'w')\n"
    for path, extra in (("", {}), ("/update", {"field": "x", "field_value": 1, "template": {}})):
        response = client.post(f"{ADDRESS}{path}", json={"code": code, **extra})
        assert (response.status_code, "HEADRACE_CUSTOM_CODE" in response.json()["detail"]) == (403, True)
        broken = client.post(f"{ADDRESS}{path}", json={"code": "class X(:", **extra})
        assert (broken.status_code, "Invalid Python code" in broken.json()["detail"]["error"]) == (400, True)
    assert not marker.exists()
