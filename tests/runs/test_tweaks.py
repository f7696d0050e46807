"""Tweaks that do not fit the flow: the error names the nearest component or field; a setting ignores them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from headrace.app import create_app
from headrace.component.value_conversion import FieldTypeError, convert_value
from tests.conftest import settings_for
from tests.support.clients import signed_in
from tests.support.flow_builder import FlowBuilder, echo_flow, model_flow
from tests.support.flows import create_flow
from tests.support.model_server import KEY


def run_with(client: httpx2.Client, flow_id: str, tweaks: dict[str, Any], path: str = "run") -> httpx2.Response:
    return client.post(f"/api/v1/{path}/{flow_id}", json={"tweaks": tweaks})


@pytest.mark.parametrize(
    ("tweaks", "message"),
    [
        ({"ChatOuptut-b": {"sender_name": "Zed"}}, "no component 'ChatOuptut-b', which the tweaks name. Did you mean 'ChatOutput-b'?"),
        ({"chatoutput": {"sender_name": "Zed"}}, "Did you mean 'ChatOutput'?"),
        ({"ChatOutput-b": {"sendr_name": "Zed"}}, "ChatOutput-b has no field 'sendr_name'. Did you mean 'sender_name'?"),
        ({"Chat Output": {"senderName": "Zed"}}, "Chat Output has no field 'senderName'. Did you mean 'sender_name'?"),
        ({"sendr_name": "Zed"}, "No component of the flow has a field 'sendr_name', which the tweaks name. Did you mean 'sender_name'?"),
        ({"ChatOutput-b": "Zed"}, "The tweak 'ChatOutput-b' names a component, so its value must be an object"),
        (
            {"ChatOutput-b": {"should_store_message": "perhaps"}},
            "The field 'should_store_message' of Chat Output (ChatOutput-b) expects true or false, not a text.",
        ),
        ({"sender_name": ["Zed"]}, "The field 'sender_name' of Chat Input (ChatInput-a) expects a text, not a list."),
        ({"x" * 500: {}}, f"no component '{'x' * 100}…'"),
    ],
)  # fmt: skip
def test_a_tweak_that_does_not_fit_the_flow_is_an_error_that_names_the_nearest_name(
    client: httpx2.Client, tweaks: dict[str, Any], message: str
) -> None:
    flow_id = create_flow(client, echo_flow())
    for path in ("run", "run/advanced"):
        response = run_with(client, flow_id, tweaks, path)
        assert response.status_code == 422, response.text
        assert message in response.json()["detail"]
        assert "HEADRACE_TWEAKS=lenient" in response.json()["detail"]


def test_a_tweak_that_does_not_fit_the_flow_is_reported_before_a_stream_begins(client: httpx2.Client) -> None:
    flow_id = create_flow(client, echo_flow())
    response = client.post(
        f"/api/v1/run/{flow_id}?stream=true", json={"tweaks": {"ChatOutput-b": {"sendr_name": "Zed"}}}
    )
    assert (response.status_code, "sender_name" in response.json()["detail"]) == (422, True)


def test_a_type_is_tweaked_where_a_node_of_it_has_the_field(client: httpx2.Client) -> None:
    flow = FlowBuilder().node("ChatInput", "ChatInput-a").node("ChatOutput", "ChatOutput-b")
    flow.node("Prompt Template", "Prompt-p", template="{greeting}", greeting="Hi")
    flow.node("Prompt Template", "Prompt-q", template="{farewell}", farewell="Bye")
    flow.edge("Prompt-p", "prompt", "ChatOutput-b", "input_value")
    flow_id = create_flow(client, flow.data)
    tweaked = run_with(client, flow_id, {"Prompt Template": {"greeting": "Hello"}}).json()
    assert tweaked["outputs"][0]["outputs"][0]["results"]["message"]["text"] == "Hello"


def test_a_text_that_expresses_a_number_is_converted(client: httpx2.Client, model_url: str) -> None:
    flow_id = create_flow(client, model_flow(model_url, KEY))
    fits = run_with(client, flow_id, {"OpenAIModel-m": {"max_tokens": "5", "temperature": 1, "stream": "false"}})
    assert fits.status_code == 200, fits.text
    wrong = run_with(client, flow_id, {"OpenAIModel-m": {"max_tokens": "five"}})
    assert "'max_tokens' of OpenAI (OpenAIModel-m) expects a whole number, not a text" in wrong.json()["detail"]


def test_the_lenient_setting_ignores_tweaks_that_do_not_fit(tmp_path: Path) -> None:
    with signed_in(create_app(settings_for(tmp_path, tweaks="lenient"))) as client:
        flow_id = create_flow(client, echo_flow())
        tweaks = {"ChatOuptut": {"sender_name": "Zed"}, "ChatOutput-b": {"sendr_name": "Zed"}, "sendr": "Zed"}
        response = client.post(f"/api/v1/run/{flow_id}", json={"input_value": "hello", "tweaks": tweaks})
        assert response.json()["outputs"][0]["outputs"][0]["artifacts"]["sender_name"] == "AI"
        loose = run_with(client, flow_id, {"ChatOutput-b": {"should_store_message": "perhaps"}})
        assert loose.status_code == 200


@pytest.mark.parametrize(
    ("field_type", "value", "converted"),
    [
        ("int", 3, 3),
        ("int", 3.0, 3),
        ("int", " 3", 3),
        ("int", "", ""),
        ("int", None, None),
        ("float", "0.5", 0.5),
        ("slider", 1, 1),
        ("bool", "True", True),
        ("str", 3, "3"),
        ("query", "x", "x"),
        ("file", ["a/b.txt"], ["a/b.txt"]),
        ("dict", [{"key": "a", "value": 1}], [{"key": "a", "value": 1}]),
        ("table", [{"a": 1}], [{"a": 1}]),
        ("other", {"any": "thing"}, {"any": "thing"}),
        ("a type of tomorrow", 3, 3),
    ],
)  # fmt: skip
def test_a_value_in_the_type_of_its_field_is_accepted(field_type: str, value: object, converted: object) -> None:
    result = convert_value(field_type, value)
    assert (result, type(result)) == (converted, type(converted))


@pytest.mark.parametrize(
    ("field_type", "value"),
    [
        ("int", True),
        ("int", 3.5),
        ("int", "3.5"),
        ("int", "9" * 5000),
        ("float", "nan"),
        ("float", "x"),
        ("float", True),
        ("float", []),
        ("bool", 1),
        ("bool", "yes"),
        ("str", {"text": "x"}),
        ("str", ["x"]),
        ("str", False),
        ("file", 3),
        ("file", [3]),
        ("dict", "{}"),
        ("dict", [1]),
        ("table", "a,b"),
    ],
)  # fmt: skip
def test_a_value_of_another_type_is_not_accepted(field_type: str, value: object) -> None:
    with pytest.raises(FieldTypeError):
        convert_value(field_type, value)


def test_a_list_field_accepts_a_value_and_a_list_of_values() -> None:
    assert convert_value("int", ["1", 2], is_list=True) == [1, 2]
    assert convert_value("int", "1", is_list=True) == 1
    with pytest.raises(FieldTypeError, match="expects a whole number, not a text"):
        convert_value("int", ["one"], is_list=True)


def test_the_error_does_not_quote_the_value(client: httpx2.Client, model_url: str) -> None:
    flow_id = create_flow(client, model_flow(model_url, KEY))
    response = run_with(client, flow_id, {"OpenAIModel-m": {"api_key": ["sk-very-secret-1"]}})
    assert response.status_code == 422
    assert "very-secret" not in json.dumps(response.json())
