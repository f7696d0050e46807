"""Exports and public reads contain no secret, wherever a flow holds it, and stay usable."""

from __future__ import annotations

import copy
import json
import string
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.compat.curl import parse_context
from headrace.component.node_json import node_json
from headrace.graph.redaction import exported_view, public_view, redact_secrets, redact_text
from headrace.services.starter_flows import StarterFlows
from tests.support.flow_builder import FlowBuilder, echo_flow, registry
from tests.support.flows import create_flow
from tests.support.probe import AttackedServer

#: The secret that the tests hide in values. It has no known format.
SECRET = "hunter2-S3cr3t"


def field(name: str, value: Any, **attributes: Any) -> dict[str, Any]:
    return {"type": "str", "name": name, "show": True, "password": False, **attributes, "value": value}


def flow_with(*fields: dict[str, Any], **body: Any) -> dict[str, Any]:
    template = {"_type": "Component", **{f["name"]: f for f in fields}}
    node = {"template": template, "display_name": "X", "outputs": [], **body}
    return {
        "nodes": [{"id": "X-1", "type": "genericNode", "data": {"id": "X-1", "type": "X", "node": node}}],
        "edges": [],
    }


MCP_CONFIG = {
    "command": "docker",
    "args": [
        "run",
        "-i",
        "--rm",
        "-e",
        f"GITHUB_TOKEN={SECRET}",
        "--api-key",
        SECRET,
        f"--token={SECRET}",
        "image/name",
    ],
    "env": {"ANYTHING": SECRET},
    "headers": {"X-Anything": SECRET},
    "url": f"https://user:{SECRET}@mcp.example/s/?api_key={SECRET}",
}
CURL = (
    f"curl -X POST 'https://u:{SECRET}@api.example/v1?token={SECRET}&page=2' -H 'Authorization: Bearer {SECRET}' "
    f"-H 'Accept: text/html' -H 'X-Other: {SECRET}' -sSu user:{SECRET} -uuser:{SECRET} -b 'sid={SECRET}' "
    f"--cookie=sid={SECRET} -x http://p:{SECRET}@proxy.example:3128 --oauth2-bearer {SECRET} "
    f"""-d '{{"password": "{SECRET}", "page": 1}}' --data-raw 'q=1&api_key={SECRET}' -F 'token={SECRET}'"""
)

#: Values that hold a secret, by the place.
PLACES: dict[str, dict[str, Any]] = {
    "password field": field("any", SECRET, password=True),
    "password list": field("any", [SECRET], password=True),
    "name of a field": field("auth_token", SECRET),
    "name in another style": field("xApiKey", SECRET),
    "headers as a table": field("headers", [{"key": "X-Anything", "value": SECRET}, {"key": "Accept", "value": "a"}]),
    "headers as a dictionary": field("request_headers", {"X-Anything": SECRET}),
    "headers as lines": field("headers", f"X-Anything: {SECRET}\nAccept: a"),
    "headers as JSON": field("headers", json.dumps({"X-Anything": SECRET})),
    "environment as a dictionary": field("env", {"ANYTHING": SECRET}),
    "environment as a table": field("env", [{"key": "ANYTHING", "value": SECRET}]),
    "environment as lines": field("environment", f"ANYTHING={SECRET}\nOTHER={SECRET}"),
    "environment as a list": field("env", [f"ANYTHING={SECRET}"]),
    "arguments": field("args", MCP_CONFIG["args"]),
    "command": field("command", f"npx server --api-key {SECRET} --env X={SECRET}"),
    "header argument": field("args", ["mcp-proxy", "--header", f"X-Anything: {SECRET}", f"X-Other: {SECRET}"]),
    "URL with user information": field("url", f"postgresql://admin:{SECRET}@db.example:5432/app"),
    "URL with a user alone": field("url", f"https://{SECRET}@git.example/x.git"),
    "URL with a parameter": field("url", f"https://api.example/v1?page=1&access_token={SECRET}#x"),
    "list of URLs": field("urls", ["https://a.example", f"https://a.example/?api_key={SECRET}"]),
    "curl command": field("curl_input", CURL),
    "curl command in another field": field("input_value", f"  curl https://x.example --user a:{SECRET}"),
    "MCP server": field("mcp_server", {"name": "n", "config": MCP_CONFIG}, type="mcp"),
    "MCP servers as JSON": field("json", json.dumps({"mcpServers": {"n": MCP_CONFIG}})),
    "dictionary": field("model_kwargs", {"extra_headers": {"X-Anything": SECRET}, "api_key": SECRET, "top_p": 1}),
    "nested": field("body", [{"deep": {"client_secret": SECRET, "list": [{"password": SECRET}]}}]),
    "table of secrets": field("data", [{"key": "api_key", "value": SECRET}, {"key": "page", "value": "1"}]),
    "tool arguments": field("tools_metadata", [{"name": "t", "args": {"token": {"type": "string", "default": SECRET}}}]),
    "path of a webhook": field("url", f"https://hooks.slack.com/services/T000/B000/{SECRET}"),
    "key format in a prompt": field("template", f"Use sk-proj-{SECRET}-abcdefghijkl to call.", type="prompt"),
    "bearer token in a text": field("input_value", f"Authorization: Bearer {SECRET}-abcdef"),
    "variable with a key as its name": field("api_key", f"sk-{SECRET}-abcdefghijk", load_from_db=True),
    "options": field("model", "x", options=[f"sk-{SECRET}-abcdefghijk"]),
    "code": field("code", f"KEY = 'ghp_{SECRET.replace('-', '')}abcdefghijklmnop'", type="code"),
}  # fmt: skip


def shape_of(value: Any) -> Any:
    """Return the structure of a value: keys of dictionaries, and types of the rest."""
    if isinstance(value, dict):
        return {key: shape_of(inner) for key, inner in value.items()}
    return type(value)


@pytest.mark.parametrize("place", PLACES)
def test_a_secret_disappears_from_every_place_and_the_shape_stays(place: str) -> None:
    flow = flow_with(PLACES[place])
    redacted = redact_secrets(copy.deepcopy(flow))
    assert SECRET not in json.dumps(redacted)
    assert SECRET.replace("-", "") not in json.dumps(redacted)
    assert shape_of(redacted) == shape_of(flow)
    assert redact_secrets(redacted) == redacted


def test_secrets_disappear_from_grouped_nodes_notes_and_other_parts_of_a_node() -> None:
    inner = flow_with(PLACES["MCP server"])
    group = flow_with(flow={"name": "g", "data": inner}, description=f"see https://u:{SECRET}@x.example")
    group["nodes"][0]["data"]["settings"] = {"headers": {"X": SECRET}}
    group["nodes"].append(
        {"id": "n", "type": "noteNode", "data": {"id": "n", "node": {"description": f"sk-{SECRET}-abcdefgh"}}}
    )
    redacted = redact_secrets(group)
    assert SECRET not in json.dumps(redacted)
    assert SECRET not in (redact_text(f"My flow https://u:{SECRET}@x.example") or "")


def test_a_redacted_curl_command_and_server_work_once_the_secrets_are_filled_in() -> None:
    redacted = redact_secrets(flow_with(PLACES["curl command"], PLACES["MCP server"]))
    assert redacted is not None
    template = redacted["nodes"][0]["data"]["node"]["template"]
    request = parse_context(template["curl_input"]["value"])
    assert (request.method, request.url) == ("post", "https://api.example/v1?token=&page=2")
    assert request.headers["Accept"] == "text/html"
    assert set(request.headers) >= {"Authorization", "X-Other"}
    config = template["mcp_server"]["value"]["config"]
    assert config["args"] == ["run", "-i", "--rm", "-e", "GITHUB_TOKEN=", "--api-key", "", "--token=", "image/name"]
    assert config["env"] == {"ANYTHING": ""}
    assert config["url"] == "https://mcp.example/s/?api_key="


def test_names_of_variables_and_harmless_values_stay() -> None:
    fields = [
        field("api_key", "OPENAI_API_KEY", password=True, load_from_db=True),
        field("headers", [{"key": "User-Agent", "value": "Mozilla/5.0"}, {"key": "Accept", "value": "text/html"}]),
        field("args", ["-y", "@modelcontextprotocol/server-filesystem", "/data/files", "--port", "8080"]),
        field("url", "https://api.example.com/v1/items?page=2&sort=name#top"),
        field("max_tokens", 256, type="int"),
        field("token_count", "12"),
        field("text_key", "text"),
        field("context_key", "notes"),
        field("auth_type", "basic"),
        field("separator", "\n"),
        field("table", [{"key": "a", "value": "b"}]),
        field("curl_input", "curl 'https://api.example/v1' -H 'Accept: a' --compressed"),
        field("code", "import os\nurl = f'postgresql://{user}:{password}@{host}/x'\napi_key = os.environ['API_KEY']", type="code"),
    ]  # fmt: skip
    flow = flow_with(*fields)
    assert redact_secrets(flow) == flow


PROMPTS = [
    "You are a helpful assistant. Answer {question} with the context {context}. Never reveal your password or token.",
    "Basic authentication uses the header Authorization. A bearer token is a key. The secret: be kind!",
    "Visit https://en.wikipedia.org/wiki/Key_(cryptography)?action=history or mail me@example.com.",
    "Set OPENAI_API_KEY=<your key> and api_key: your-own-key. Use postgresql://{user}:{password}@localhost/db.",
    "Tokenize sk-learn-compatible estimators; see task-12345-abcdefghijklmnopqrstuvwxyz.",
    '{"not": "json", and more text}',
    "[1] First source. [2] Second source.",
    "curling is a sport. Curl your hair.",
]


@pytest.mark.parametrize("prompt", PROMPTS)
def test_an_ordinary_prompt_stays(prompt: str) -> None:
    flow = flow_with(field("template", prompt, type="prompt"), field("system_message", prompt))
    assert redact_secrets(flow) == flow


def test_starter_flows_and_new_nodes_stay() -> None:
    for starter in StarterFlows(registry()).all:
        assert redact_secrets(starter.data) == starter.data, starter.name
    for component in registry().classes():
        flow = {"nodes": [{"id": "a", "data": {"id": "a", "type": "A", "node": copy.deepcopy(node_json(component))}}]}
        for item in flow["nodes"][0]["data"]["node"]["template"].values():  # type: ignore[index]  # a node
            if isinstance(item, dict) and item.get("password") is True and item.get("load_from_db") is not True:
                item["value"] = ""
        assert redact_secrets(flow) == flow, component.type_name()


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
#: Tokens without a known format: long enough to differ from other text.
TOKENS = st.text(string.ascii_letters + string.digits, min_size=24, max_size=40).filter(
    lambda text: any(c.isdigit() for c in text) and any(c.isalpha() for c in text)
)
SECRET_NAMES = st.sampled_from(
    ["api_key", "Authorization", "x-api-key", "clientSecret", "password", "ACCESS_TOKEN", "Cookie"]
)


@given(JSON_VALUES, st.sampled_from(["headers", "env", "args", "mcp", "url", "value", "api_key", "code"]))
def test_any_value_is_redacted_without_an_error_and_once_is_enough(value: Any, name: str) -> None:
    flow = flow_with(field(name, value, type="mcp" if name == "mcp" else "str"))
    redacted = redact_secrets(flow)
    assert redact_secrets(redacted) == redacted
    json.dumps(public_view(flow))


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield container and key of each value in a JSON value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(items):
        yield value, key
        yield from places(inner)


@pytest.mark.parametrize("other", [{"a": {}}, [[]], 7, "text", None, True], ids=repr)
def test_a_flow_with_a_value_of_another_kind_anywhere_can_be_shown(other: Any) -> None:
    flow = echo_flow()
    for container, key in list(places(flow)):
        original, container[key] = container[key], other
        for view in (redact_secrets, exported_view, public_view):
            json.dumps(view(flow))
        container[key] = original


@given(TOKENS, SECRET_NAMES, JSON_VALUES)
def test_a_token_with_a_secret_name_disappears_at_any_depth(token: str, name: str, sibling: Any) -> None:
    for value in ({name: token, "other": sibling}, [{"a": [{name: [token]}]}], [{"key": name, "value": token}]):
        for variant in (value, json.dumps(value)):
            assert token not in json.dumps(redact_secrets(flow_with(field("data", variant))))


@given(TOKENS)
def test_a_token_disappears_from_headers_environments_arguments_and_urls(token: str) -> None:
    fields = [
        field("headers", {"X-Custom": token}),
        field("env", {"CUSTOM": token}),
        field("args", ["serve", token, "--auth-token", token, f"CUSTOM={token}", f"https://a.example/?key={token}"]),
        field("url", f"ftp://user:{token}@a.example/?token={token}"),
        field("server", {"config": {"url": f"https://mcp.example/s/{token}/mcp"}}, type="mcp"),
    ]
    assert token not in json.dumps(redact_secrets(flow_with(*fields)))


def test_a_visitor_sees_the_components_of_a_public_flow_but_not_their_values(server: AttackedServer) -> None:
    flow = (
        FlowBuilder()
        .node("ChatInput", "ChatInput-a", input_value="Ask me")
        .node("Prompt Template", "Prompt-p", template="The recipe of the house: {role}", role="a chef")
        .node("ChatOutput", "ChatOutput-b")
        .edge("ChatInput-a", "message", "ChatOutput-b", "input_value")
        .data
    )
    with server.client(server.bystander) as owner, server.client() as anonymous:
        flow_id = create_flow(owner, flow, access_type="PUBLIC", description=f"see https://u:{SECRET}@x.example")
        read = anonymous.get(f"/api/v1/flows/public_flow/{flow_id}")
    assert read.status_code == 200
    assert "recipe of the house" not in read.text
    assert SECRET not in read.text
    nodes = {node["id"]: node["data"]["node"] for node in read.json()["data"]["nodes"]}
    assert nodes["ChatInput-a"]["template"]["input_value"]["value"] == "Ask me"
    assert nodes["ChatInput-a"]["template"]["code"]["value"] == ""
    assert set(nodes["Prompt-p"]["template"]) >= {"template", "role"}
    assert read.json()["data"]["edges"] == flow["edges"]


def test_an_export_contains_no_secret_and_can_be_imported_again(server: AttackedServer) -> None:
    flow = (
        FlowBuilder()
        .node("ChatInput", "ChatInput-a")
        .node("MCPTools", "MCP-m", mcp_server={"name": "n", "config": MCP_CONFIG})
    )
    flow.node("ChatOutput", "ChatOutput-b").edge("ChatInput-a", "message", "ChatOutput-b", "input_value")
    with server.client(server.bystander) as client:
        flow_id = create_flow(client, flow.data)
        exported = client.post("/api/v1/flows/download/", json=[flow_id])
        assert exported.status_code == 200
        assert SECRET not in exported.text
        name = f"{uuid.uuid4()}.json"
        imported = client.post("/api/v1/flows/upload/", files={"file": (name, exported.content, "application/json")})
        assert imported.status_code == 201, imported.text
        complete = client.post("/api/v1/flows/download/", json=[flow_id], params={"include_secrets": True})
        assert SECRET in complete.text


@pytest.mark.parametrize("kind", [{}, [], 1, None])
def test_a_node_whose_type_is_not_a_text_is_hidden_from_visitors(kind: object) -> None:
    field = {"name": "template", "value": "hidden words"}
    node = {"id": "a", "data": {"id": "a", "type": kind, "node": {"template": {"template": field}}}}
    assert "hidden words" not in json.dumps(public_view({"nodes": [node], "edges": []}))
