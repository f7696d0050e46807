"""A value of another JSON type in any field of a request is a 400, or is accepted; it is never an error of the server."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.support.recording_model import RecordingModel

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
FUNCTION = {"name": "weather", "description": "d", "parameters": SCHEMA, "strict": True}
IMAGE_URL = "data:image/png;base64,aGVsbG8="

CHAT: dict[str, Any] = {
    "messages": [
        {"role": "system", "content": "a"},
        {"role": "user", "content": [{"type": "text", "text": "b"}]},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c", "type": "function", "function": {"name": "weather", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "c", "content": "d"},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": IMAGE_URL, "detail": "low"}}]},
    ],
    "stream": False,
    "n": 1,
    "metadata": {"session_id": "s"},
    "temperature": 1,
    "stop": ["x"],
    "seed": 1,
    "reasoning_effort": "low",
    "response_format": {"type": "json_schema", "json_schema": {"name": "f", "schema": SCHEMA, "strict": True}},
    "tools": [{"type": "function", "function": FUNCTION}],
    "tool_choice": {"type": "function", "function": {"name": "weather"}},
    "parallel_tool_calls": True,
}
RESPONSE: dict[str, Any] = {
    "input": [
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "a"}]},
        {"type": "function_call", "call_id": "c", "name": "weather", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "b"}]},
        {"role": "user", "content": [{"type": "input_image", "image_url": IMAGE_URL, "detail": "low"}]},
    ],
    "instructions": "x",
    "stream": False,
    "store": False,
    "include": ["tool_call.results"],
    "metadata": {"k": "v"},
    "max_output_tokens": 50,
    "text": {"format": {"type": "json_schema", "name": "f", "schema": SCHEMA, "strict": True}, "verbosity": "medium"},
    "reasoning": {"effort": "low", "summary": None},
    "tools": [{"type": "function", **FUNCTION}],
    "tool_choice": {"type": "function", "name": "weather"},
    "parallel_tool_calls": True,
}
VALUES: list[Any] = ["x", ["x"], {"x": 1}, None, 5, 0.5, True]


def paths_in(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of each value within a JSON value."""
    if path:
        yield path
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from paths_in(child, (*path, key))


def with_value(body: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """Return a body with another value at a path."""
    changed = copy.deepcopy(body)
    parent: Any = changed
    for key in path[:-1]:
        parent = parent[key]
    parent[path[-1]] = value
    return changed


@pytest.mark.parametrize(("route", "body"), [("chat/completions", CHAT), ("responses", RESPONSE)])
@pytest.mark.parametrize("value", VALUES, ids=str)
def test_a_value_of_another_type_is_no_error_of_the_server(
    client: httpx2.Client, chat_flow: str, model: RecordingModel, route: str, body: dict[str, Any], value: Any
) -> None:
    assert client.post(f"/v1/{route}", json={"model": chat_flow, **body}).status_code == 200
    failed = {}
    for path in paths_in(body):
        changed = with_value(body, path, value)
        response = client.post(f"/v1/{route}", json={"model": chat_flow, **changed})
        if response.status_code not in {200, 400, 404}:
            failed[path] = response.status_code, response.text
    assert not failed


@pytest.mark.parametrize(
    ("route", "body", "name"),
    [
        ("responses", {"text": {"format": "json_object"}}, "text.format"),
        ("responses", {"text": {"format": {"type": []}}}, "text.format.type"),
        ("responses", {"text": {"verbosity": []}}, "text.verbosity"),
        ("responses", {"tool_choice": {"type": "function", "function": "f"}}, "tool_choice.name"),
        ("responses", {"tools": [{**RESPONSE["tools"][0], "strict": "x"}]}, "tools[0].strict"),
        ("responses", {"tools": [{**RESPONSE["tools"][0], "description": {}}]}, "tools[0].description"),
        ("chat/completions", {"tool_choice": {"type": "function", "function": "f"}}, "tool_choice.name"),
        (
            "chat/completions",
            {"response_format": {"type": "json_schema", "json_schema": "x"}},
            "response_format.json_schema",
        ),
        ("chat/completions", {"metadata": {"session_id": 5}}, "metadata.session_id"),
    ],
)
def test_the_error_names_the_parameter(
    client: httpx2.Client, chat_flow: str, route: str, body: dict[str, Any], name: str
) -> None:
    minimal = {"input": "x"} if route == "responses" else {"messages": [{"role": "user", "content": "x"}]}
    response = client.post(f"/v1/{route}", json={"model": chat_flow, **minimal, **body})
    assert (response.status_code, response.json()["error"]["param"]) == (400, name), response.text
