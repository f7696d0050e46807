"""MCP Tools with a server that is built with the official SDK."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

from headrace.component.node_json import node_json, source_of
from tests.support.flow_builder import FlowBuilder, registry
from tests.support.model_server import KEY
from tests.support.server import serving


def weather_server() -> MCPServer:
    """Return an MCP server with two tools."""
    server = MCPServer("weather")

    @server.tool()
    def forecast(city: str, days: int = 1) -> str:
        """Return the weather forecast."""
        if city == "Atlantis":
            raise ToolError("it is under water")
        return f"{days} fine days in {city}"

    @server.tool(title="Cities")
    def cities() -> list[str]:
        """List the known cities."""
        return ["Paris", "Rome"]

    return server


@pytest.fixture(scope="module")
def mcp_url() -> Iterator[str]:
    with serving(weather_server().streamable_http_app()) as address:
        yield f"{address}/mcp"


@pytest.fixture(scope="module")
def sse_url() -> Iterator[str]:
    with serving(weather_server().sse_app()) as address:
        yield f"{address}/sse"


def run_flow(client: httpx2.Client, flow: FlowBuilder, text: str = "x") -> httpx2.Response:
    flow_id = client.post("/api/v1/flows/", json={"name": f"mcp {uuid.uuid4()}", "data": flow.data}).json()["id"]
    return client.post(f"/api/v1/run/{flow_id}", json={"input_value": text})


def tool_flow(url: str, tool: str, **values: Any) -> FlowBuilder:
    return (
        FlowBuilder()
        .node("ChatInput", "ChatInput-a")
        .node("MCPTools", "MCP-m", mcp_server={"name": "weather", "config": {"url": url}}, tool=tool, **values)
        .node("ChatOutput", "ChatOutput-b")
        .edge("MCP-m", "response", "ChatOutput-b", "input_value")
    )


def test_a_tool_is_called_with_the_values_of_the_fields(client: httpx2.Client, mcp_url: str) -> None:
    answer = run_flow(client, tool_flow(mcp_url, "forecast", city="Paris", days=3))
    assert "3 fine days in Paris" in answer.json()["outputs"][0]["outputs"][0]["results"]["message"]["text"]


@pytest.mark.parametrize(
    ("tool", "values", "problem"),
    [
        ("forecast", {"city": "Atlantis"}, "under water"),
        ("nowhere", {}, "has no tool 'nowhere'"),
    ],
)
def test_a_failed_or_missing_tool_fails_the_run(
    client: httpx2.Client, mcp_url: str, tool: str, values: dict[str, str], problem: str
) -> None:
    answer = run_flow(client, tool_flow(mcp_url, tool, **values))
    assert answer.status_code == 500
    assert problem in answer.text


@pytest.mark.parametrize("kind", ["http", "sse", "proxy"])
def test_an_agent_uses_a_servers_tools(
    client: httpx2.Client, model_url: str, mcp_url: str, sse_url: str, kind: str
) -> None:
    servers: dict[str, dict[str, Any]] = {
        "http": {"url": mcp_url, "headers": {"x-team": "a"}},
        "sse": {"url": sse_url, "transport": "sse", "headers": [{"key": "x-team", "value": "a"}]},
        "proxy": {"command": "uvx", "args": ["mcp-proxy", mcp_url]},
    }
    row = {"tags": ["cities"], "name": "known_cities", "description": "Lists the cities.", "status": True}
    flow = (
        FlowBuilder()
        .node("ChatInput", "ChatInput-a")
        .node("MCPTools", "MCP-m", mcp_server={"name": "weather", "config": servers[kind]}, tools_metadata=[row])
        .node("Agent", "Agent-g", openai_api_base=model_url, api_key=KEY, max_retries=0)
        .node("ChatOutput", "ChatOutput-b")
        .edge("ChatInput-a", "message", "Agent-g", "input_value")
        .edge("MCP-m", "component_as_tool", "Agent-g", "tools")
        .edge("Agent-g", "response", "ChatOutput-b", "input_value")
    )
    flow.data["nodes"][1]["data"]["node"]["template"]["tool"]["required"] = False
    text = 'call forecast {"city": "Rome", "days": 2} & known_cities {}\ncall forecast {"city": "Atlantis"}'
    answer = run_flow(client, flow, text)
    assert answer.status_code == 200, answer.text
    message = answer.json()["outputs"][0]["outputs"][0]["results"]["message"]
    steps = message["content_blocks"][0]["contents"]
    assert [s["output"] for s in steps[:2]] == ["2 fine days in Rome", "Paris\nRome"]
    assert "under water" in steps[2]["error"]


def update_field(
    client: httpx2.Client, field: str, value: object, template: dict[str, Any], **more: Any
) -> httpx2.Response:
    component = registry().find("MCPTools")
    assert component is not None
    body = {"code": source_of(component), "template": template, "field": field, "field_value": value, **more}
    return client.post("/api/v1/custom_component/update", json=body)


def test_the_editor_shows_the_servers_tools_and_the_fields_of_the_selected_tool(
    client: httpx2.Client, mcp_url: str
) -> None:
    component = registry().find("MCPTools")
    assert component is not None
    template = node_json(component)["template"]
    server = {"name": "weather", "config": {"url": mcp_url}}
    template = update_field(client, "mcp_server", server, template).json()["template"]
    assert (template["tool"]["options"], template["tool"]["show"]) == (["forecast", "cities"], True)
    template = update_field(client, "tool", "forecast", template).json()["template"]
    assert (template["city"]["required"], template["days"]["type"], template["days"]["value"]) == (True, "int", 1)
    assert "city" not in update_field(client, "tool", "cities", template).json()["template"]
    tools = update_field(client, "mcp_server", server, template, tool_mode=True).json()["template"]["tools_metadata"][
        "value"
    ]
    assert [row["name"] for row in tools] == ["forecast", "cities"]
    assert tools[0]["description"] == "Return the weather forecast."


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        (
            {"name": "files", "config": {"command": "npx", "args": ["files"]}},
            "is a command, which a flow may not start",
        ),
        ({"name": "inner", "config": {"url": "http://10.0.0.1/mcp"}}, "10.0.0.1 is a private or local address"),
        ({"name": "gone", "config": {"url": "http://127.0.0.1:9/mcp"}}, "cannot be used"),
        ({"name": "nothing"}, "has no URL"),
    ],
)
def test_an_unusable_server_fails_with_the_reason(client: httpx2.Client, config: dict[str, Any], problem: str) -> None:
    flow = tool_flow("", "forecast")
    flow.data["nodes"][1]["data"]["node"]["template"]["mcp_server"]["value"] = config
    answer = run_flow(client, flow)
    assert answer.status_code == 500
    assert problem in json.loads(answer.json()["detail"])["message"]
