"""The schemas of an MCP server are data: they change no field of a node but those of the tool's arguments."""

from __future__ import annotations

import json
from typing import Any

import httpx2

from headrace.component.node_json import node_json, source_of
from tests.mcp.test_misbehaving_servers import admin, base, command, create_flow, hostile_url, store, text_of, tool_flow
from tests.support.flow_builder import FlowBuilder, registry
from tests.support.model_server import KEY

__all__ = ["admin", "base", "hostile_url"]

OWN_FIELDS = ("code", "_type", "mcp_server", "use_cache", "verify_ssl", "tool_placeholder", "tools_metadata")


def select_tool(client: httpx2.Client, server: object, tool: str, template: dict[str, Any]) -> dict[str, Any]:
    component = registry().find("MCPTools")
    assert component is not None
    code = source_of(component)
    for field, value in (("mcp_server", server), ("tool", tool)):
        body = {"code": code, "template": template, "field": field, "field_value": value}
        response = client.post("/api/v1/custom_component/update", json=body)
        assert response.status_code == 200, response.text
        template = response.json()["template"]
    return template


def original_template() -> dict[str, Any]:
    component = registry().find("MCPTools")
    assert component is not None
    return dict(node_json(component)["template"])


def test_an_argument_cannot_replace_a_field_of_the_node(admin: httpx2.Client, hostile_url: str) -> None:
    server = {"name": store(admin, {"url": f"{hostile_url}/schemas"})}
    before = original_template()
    template = select_tool(admin, server, "echo", before)
    for name in OWN_FIELDS:
        expected = {**before[name], "value": server} if name == "mcp_server" else before.get(name)
        assert template.get(name) == expected
    assert (template["tool"]["value"], template["tool"]["type"]) == ("echo", "str")
    added = {name: template[name] for name in set(template) - set(before)}
    assert {name: field["type"] for name, field in added.items()} == {
        "text": "str",
        "code_argument_": "str",
        "mcp_server_argument": "str",
        "tool_argument": "str",
        "type_argument": "str",
        "tools_metadata_argument": "str",
        "code_argument": "str",
        "level": "str",
        "numbers": "str",
        "maybe": "int",
        "count": "int",
    }
    assert not any(field.get("load_from_db") for field in added.values())
    assert (added["level"]["options"], added["level"]["value"]) == (["1", "2", "3"], "2")
    assert added["count"]["value"] != "many"
    assert len(added["text"]["display_name"]) <= 128


def test_tools_beyond_the_limits_are_left_out_and_descriptions_are_cut(admin: httpx2.Client, hostile_url: str) -> None:
    server = {"name": store(admin, {"url": f"{hostile_url}/schemas"})}
    template = select_tool(admin, server, "echo", original_template())
    assert template["tool"]["options"] == ["echo"]
    component = registry().find("MCPTools")
    assert component is not None
    body = {
        "code": source_of(component),
        "template": template,
        "field": "mcp_server",
        "field_value": server,
        "tool_mode": True,
    }
    (row,) = admin.post("/api/v1/custom_component/update", json=body).json()["template"]["tools_metadata"]["value"]
    assert len(row["description"]) == 4000


def test_values_of_renamed_fields_reach_the_tool_with_their_types(admin: httpx2.Client, hostile_url: str) -> None:
    server = {"name": store(admin, {"url": f"{hostile_url}/schemas"})}
    values = {
        "text": "t",
        "code_argument_": "c",
        "tool_argument": "other",
        "type_argument": "x",
        "level": "3",
        "numbers": ["1", "2"],
        "maybe": 7,
    }
    flow = tool_flow(server, "echo", **values)
    text = text_of(admin.post(f"/api/v1/run/{create_flow(admin, flow.data)}", json={"input_value": "x"}))
    arguments = json.JSONDecoder().raw_decode(text[text.index("{") :].replace("\\_", "_"))[0]
    assert arguments == {
        "text": "t",
        "code": "c",
        "tool": "other",
        "_type": "x",
        "level": 3,
        "numbers": [1, 2],
        "maybe": 7,
    }


def test_an_agent_uses_the_tools_of_a_stored_command(admin: httpx2.Client, model_url: str) -> None:
    server = {"name": store(admin, command("ok"))}
    flow = (
        FlowBuilder()
        .node("ChatInput", "ChatInput-a")
        .node("MCPTools", "MCP-m", mcp_server=server)
        .node("Agent", "Agent-g", openai_api_base=model_url, api_key=KEY, max_retries=0)
        .node("ChatOutput", "ChatOutput-b")
        .edge("ChatInput-a", "message", "Agent-g", "input_value")
        .edge("MCP-m", "component_as_tool", "Agent-g", "tools")
        .edge("Agent-g", "response", "ChatOutput-b", "input_value")
    )
    flow.data["nodes"][1]["data"]["node"]["template"]["tool"]["required"] = False
    response = admin.post(
        f"/api/v1/run/{create_flow(admin, flow.data)}", json={"input_value": 'call echo {"text": "well-behaved"}'}
    )
    assert response.status_code == 200, response.text
    message = response.json()["outputs"][0]["outputs"][0]["results"]["message"]
    assert message["content_blocks"][0]["contents"][0]["output"] == "well-behaved"
