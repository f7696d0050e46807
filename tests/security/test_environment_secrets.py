"""Secrets of the server's environment are sent to the provider's and the operator's servers alone, for users who may use them."""

from __future__ import annotations

import copy
import json
import pickle
import textwrap
from collections.abc import Iterator
from typing import Any, NamedTuple

import httpx2
import orjson
import pytest
from fastapi import FastAPI, Request

from headrace.component.environment_secret import EnvironmentSecret, EnvironmentSecretError
from headrace.settings import load_settings
from tests.support.custom_code import create_flow as create_approved_flow
from tests.support.custom_code import flow_with_code, unique_source
from tests.support.deployment import DEFAULT_DEPLOYMENTS
from tests.support.flow_builder import FlowBuilder
from tests.support.flows import create_flow
from tests.support.model_server import KEY
from tests.support.probe import AttackedServer
from tests.support.server import serving
from tests.support.server_pool import FromFixture

pytestmark = [pytest.mark.any_database, pytest.mark.server(OPENAI_API_KEY=KEY)]
#: The server of most tests.
WITH_ISOLATED_CODE = pytest.mark.server(
    OPENAI_BASE_URL=FromFixture("model_url"), HEADRACE_CODE_ISOLATION="process", HEADRACE_CUSTOM_CODE="everyone"
)
#: For tests of what the operator can allow, which do not attack.
ON_ONE_DEPLOYMENT = pytest.mark.parametrize("deployment", DEFAULT_DEPLOYMENTS[:1], ids=str)


class Thief(NamedTuple):
    """A server that records the requests that it receives."""

    url: str
    requests: list[str]


@pytest.fixture
def thief() -> Iterator[Thief]:
    app, requests = FastAPI(), list[str]()

    @app.api_route("/{path:path}", methods=["GET", "POST"])
    async def record(path: str, request: Request) -> dict[str, str]:
        requests.append(f"{request.url} {request.headers.items()} {(await request.body()).decode()}")
        return {}

    with serving(app) as url:
        yield Thief(url, requests)


def reference(flow: dict[str, Any], node: int, field: str, name: str = "OPENAI_API_KEY", **attributes: Any) -> None:
    """Let a field of a flow name a variable."""
    template = flow["nodes"][node]["data"]["node"]["template"]
    template[field] |= {"value": name, "load_from_db": True, **attributes}


def text_flow(name: str = "OPENAI_API_KEY", **attributes: Any) -> dict[str, Any]:
    """Return a flow that prints a variable."""
    flow = FlowBuilder().node("TextInput", "TextInput-a").node("ChatOutput", "ChatOutput-b")
    flow.edge("TextInput-a", "text", "ChatOutput-b", "input_value")
    reference(flow.data, 0, "input_value", name, **attributes)
    return flow.data


def model_flow(component: str, base_url_field: str = "", base_url: str = "", **values: Any) -> dict[str, Any]:
    """Return a chat with a model component whose API key comes from the environment."""
    if base_url_field:
        values[base_url_field] = base_url
    output = "response" if component == "Agent" else "text_output"
    return (
        FlowBuilder()
        .node("ChatInput", "ChatInput-a")
        .node(component, "Model-m", **values)
        .node("ChatOutput", "ChatOutput-b")
        .edge("ChatInput-a", "message", "Model-m", "input_value")
        .edge("Model-m", output, "ChatOutput-b", "input_value")
        .data
    )


def run(server: AttackedServer, headers: dict[str, str], flow: dict[str, Any]) -> httpx2.Response:
    with server.client(headers) as client:
        flow_id = create_approved_flow(client, flow)["id"]
        return client.post(f"/api/v1/run/{flow_id}", json={"input_value": "hello"})


def key_by_name(flow: dict[str, Any]) -> dict[str, Any]:
    reference(flow, 1, "api_key")
    return flow


#: A flow with each component that sends a key to a model provider, and with each way to get the operator's key.
MODEL_FLOWS = {
    "OpenAI": lambda url: key_by_name(model_flow("OpenAIModel", "openai_api_base", url, max_retries=0)),
    "agent": lambda url: key_by_name(model_flow("Agent", "openai_api_base", url, add_current_date_tool=False)),
    "agent without a key": lambda url: model_flow("Agent", "openai_api_base", url, api_key="", max_retries=0),
    "language model": lambda url: key_by_name(model_flow("LanguageModelComponent", "openai_api_base", url)),
    "language model without a key": lambda url: model_flow("LanguageModelComponent", "openai_api_base", url, api_key=""),
}  # fmt: skip


@WITH_ISOLATED_CODE
@pytest.mark.parametrize("attributes", [{}, {"password": True}], ids=["as text", "declared a secret by the flow"])
@pytest.mark.parametrize("user", ["attacker", "admin"])
def test_a_text_field_prints_no_secret_of_the_environment(
    server: AttackedServer, user: str, attributes: dict[str, Any]
) -> None:
    answer = run(server, getattr(server, user), text_flow(**attributes))
    assert KEY not in answer.text
    if user == "admin":
        assert answer.status_code == 500
        assert "only secret fields" in answer.json()["detail"]


@WITH_ISOLATED_CODE
@pytest.mark.parametrize("user", ["attacker", "admin"])
@pytest.mark.parametrize("kind", MODEL_FLOWS)
def test_a_custom_base_url_receives_no_secret_of_the_environment(
    server: AttackedServer, thief: Thief, kind: str, user: str
) -> None:
    answer = run(server, getattr(server, user), MODEL_FLOWS[kind](f"{thief.url}/v1"))
    assert not [request for request in thief.requests if KEY in request]
    assert KEY not in answer.text


@WITH_ISOLATED_CODE
def test_a_provider_of_another_key_receives_no_secret_of_the_environment(server: AttackedServer, thief: Thief) -> None:
    flow = key_by_name(model_flow("LanguageModelComponent", "ollama_base_url", thief.url, provider="Ollama"))
    answer = run(server, server.admin, flow)
    assert not [request for request in thief.requests if KEY in request]
    assert KEY not in answer.text


@WITH_ISOLATED_CODE
@pytest.mark.parametrize("kind", MODEL_FLOWS)
def test_the_operators_server_receives_the_key_for_superusers_alone(server: AttackedServer, kind: str) -> None:
    answer = run(server, server.admin, MODEL_FLOWS[kind](""))
    assert answer.status_code == 200, answer.text
    assert "hello" in answer.text
    assert KEY not in answer.text
    refused = run(server, server.attacker, MODEL_FLOWS[kind](""))
    assert refused.status_code == 500
    assert KEY not in refused.text
    assert any(
        text in refused.text for text in ("needs an API key", "OPENAI_API_KEY' does not exist", "invalid_api_key")
    )


def may_use(users: str) -> pytest.MarkDecorator:
    return pytest.mark.server(
        OPENAI_BASE_URL=FromFixture("model_url"),
        LANGFLOW_SSRF_ALLOWED_HOSTS="",
        LANGFLOW_STORE_ENVIRONMENT_VARIABLES="false",
        HEADRACE_ENVIRONMENT_VARIABLES_FOR=users,
    )


@ON_ONE_DEPLOYMENT
@may_use("everyone")
def test_the_operator_can_list_all_users(server: AttackedServer) -> None:
    for headers in (server.admin, server.attacker):
        assert run(server, headers, MODEL_FLOWS["OpenAI"]("")).status_code == 200
        assert KEY not in run(server, headers, text_flow()).text


def test_the_users_may_be_a_json_list(monkeypatch: pytest.MonkeyPatch) -> None:
    lists = []
    for text in ("superuser, bob", '["superuser", "bob"]'):
        monkeypatch.setenv("HEADRACE_ENVIRONMENT_VARIABLES_FOR", text)
        lists.append(load_settings().variables.environment_users)
    assert lists[0] == lists[1]
    assert "bob" in lists[0]


@ON_ONE_DEPLOYMENT
@may_use("someone, bob")
def test_the_operator_can_list_more_users(server: AttackedServer) -> None:
    for headers in (server.admin, server.bystander):
        assert run(server, headers, MODEL_FLOWS["OpenAI"]("")).status_code == 200
        assert KEY not in run(server, headers, text_flow()).text
    assert run(server, server.attacker, MODEL_FLOWS["OpenAI"]("")).status_code != 200


@ON_ONE_DEPLOYMENT
@pytest.mark.server(HEADRACE_ENVIRONMENT_KEY_URLS=FromFixture("model_url"), HEADRACE_CODE_ISOLATION="none")
def test_the_operator_can_list_more_servers(server: AttackedServer, model_url: str) -> None:
    assert run(server, server.admin, MODEL_FLOWS["OpenAI"](model_url)).status_code == 200


LEAK = textwrap.dedent(
    """
    from lfx.custom import Component
    from lfx.io import HandleInput, MessageTextInput, Output, SecretStrInput
    from lfx.schema.message import Message


    class Leak(Component):
        display_name = "Leak"
        inputs = [
            MessageTextInput(name="input_value"),
            SecretStrInput(name="api_key", value="", required=False),
            HandleInput(name="model", input_types=["LanguageModel"], required=False),
        ]
        outputs = [Output(name="output", method="build")]

        async def build(self) -> Message:
            key = str(BODY)
            return Message(text=" ".join(key))
    """
)


def leaking_flow(body: str) -> dict[str, Any]:
    """Return a flow with a custom component that prints an expression, its characters separated by spaces."""
    return flow_with_code(unique_source(LEAK.replace("BODY", body)), "Leak", api_key="", model="")


def spaced(key: str) -> str:
    return " ".join(key)


@WITH_ISOLATED_CODE
def test_isolated_code_receives_no_secret_of_the_environment(server: AttackedServer) -> None:
    by_field = leaking_flow("self.api_key")
    reference(by_field, 2, "api_key")
    by_name = leaking_flow('await self.get_variables("OPENAI_API_KEY")')
    for flow in (by_field, by_name):
        answer = run(server, server.admin, flow)
        assert "custom components do not receive" in answer.text, answer.text
        assert spaced(KEY) not in answer.text


@WITH_ISOLATED_CODE
def test_isolated_code_uses_a_model_without_seeing_its_key(server: AttackedServer) -> None:
    flow = leaking_flow("(await self.model.ainvoke('my turn')).content + repr(vars(self.model)) + str(self.model)")
    models = FlowBuilder().node("OpenAIModel", "Model-m", openai_api_base="").data
    reference(models, 0, "api_key")
    flow["nodes"].append(models["nodes"][0])
    out = {"dataType": "OpenAIModel", "id": "Model-m", "name": "model_output", "output_types": ["LanguageModel"]}
    node_id = flow["nodes"][2]["id"]
    into = {"fieldName": "model", "id": node_id, "inputTypes": ["LanguageModel"], "type": "other"}
    edge = {"id": "e", "source": "Model-m", "target": node_id, "data": {"sourceHandle": out, "targetHandle": into}}
    flow["edges"].append(edge)
    answer = run(server, server.admin, flow)
    assert answer.status_code == 200, answer.text
    assert spaced("my turn") in answer.text
    assert spaced(KEY) not in answer.text


@ON_ONE_DEPLOYMENT
@pytest.mark.server(HEADRACE_ENVIRONMENT_KEY_URLS=FromFixture("model_url"), HEADRACE_CODE_ISOLATION="none")
def test_code_in_the_servers_process_receives_the_secret_of_a_secret_field(server: AttackedServer) -> None:
    by_field = leaking_flow("self.api_key")
    reference(by_field, 2, "api_key")
    for flow in (by_field, leaking_flow('await self.get_variables("OPENAI_API_KEY")')):
        assert spaced(KEY) in run(server, server.admin, flow).text


def build_public(server: AttackedServer, flow: dict[str, Any]) -> str:
    """Publish a flow of the superuser, run it as a visitor, and return the events."""
    with server.client(server.admin) as client:
        flow_id = create_flow(client, flow, access_type="PUBLIC")
    with httpx2.Client(base_url=server.base_url, cookies={"client_id": "visitor"}, timeout=30) as visitor:
        body = {"inputs": {"input_value": "hello", "session": "s"}}
        answer = visitor.post(
            f"/api/v1/build_public_tmp/{flow_id}/flow", json=body, params={"event_delivery": "direct"}
        )
        assert answer.status_code == 200, answer.text
        return answer.text


@WITH_ISOLATED_CODE
def test_a_visitor_uses_the_owners_key_without_seeing_it(server: AttackedServer) -> None:
    events = build_public(server, MODEL_FLOWS["OpenAI"](""))
    assert "] hello" in events or "hello" in events
    assert '"valid":false' not in events.replace(" ", "")
    assert KEY not in events


@WITH_ISOLATED_CODE
@pytest.mark.parametrize(("kind", "is_shown"), [("Credential", False), ("Generic", True)])
def test_a_visitor_sees_no_credential_in_a_text_field(server: AttackedServer, kind: str, is_shown: bool) -> None:
    name = f"team_{kind.lower()}"
    with server.client(server.admin) as client:
        body = {"name": name, "value": "hunter2-of-the-team", "type": kind, "default_fields": []}
        assert client.post("/api/v1/variables/", json=body).status_code == 201
    events = build_public(server, text_flow(name))
    assert ("hunter2-of-the-team" in events) is is_shown
    assert ("is a credential" in events) is not is_shown
    # The owner's own runs see both.
    assert "hunter2-of-the-team" in run(server, server.admin, text_flow(name)).text


def test_the_text_of_a_secret_and_its_copies_are_a_placeholder() -> None:
    secret = EnvironmentSecret("OPENAI_API_KEY", KEY, ["https://api.openai.com/v1"])
    copies: list[object] = [secret, copy.copy(secret), copy.deepcopy([secret]), pickle.loads(pickle.dumps(secret))]
    texts = [str(secret), f"{secret}", str.format("{}", secret), repr(secret), secret + "", json.dumps(secret)]
    texts += [orjson.dumps([secret]).decode(), "".join([secret]), secret[:], *map(str, copies)]
    assert not [text for text in texts if KEY in text]
    assert all("OPENAI_API_KEY" in text for text in texts)


@pytest.mark.parametrize(
    ("url", "is_allowed"),
    [
        ("https://api.openai.com/v1", True),
        ("https://API.openai.com:443/other", True),
        ("http://api.openai.com/v1", False),
        ("https://api.openai.com:8443/v1", False),
        ("https://api.openai.com.evil.example/v1", False),
        ("https://api.openai.com@evil.example/v1", False),
        ("https://evil.example/?https://api.openai.com/v1", False),
        ("https://evil.example\\@api.openai.com/v1", False),
        ("https://api.openai.com:x/v1", False),
        ("", False),
    ],
)
def test_a_secret_is_revealed_to_its_own_servers_alone(url: str, is_allowed: bool) -> None:
    secret = EnvironmentSecret("OPENAI_API_KEY", KEY, ["https://api.openai.com/v1"])
    if is_allowed:
        assert secret.reveal_to(url) == KEY
    else:
        with pytest.raises(EnvironmentSecretError):
            secret.reveal_to(url)
