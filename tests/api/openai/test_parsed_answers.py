"""Answers that a client sends again with the values that OpenAI's SDKs have parsed from them."""

from __future__ import annotations

from typing import Any

import httpx2

from tests.support.recording_model import ARGUMENTS, RecordingModel

USER = {"role": "user", "content": "weather?"}
PARSED = {"city": "Rome"}


def test_the_parsed_values_of_a_chat_have_no_effect(
    client: httpx2.Client, chat_flow: str, model: RecordingModel
) -> None:
    function = {"name": "weather", "arguments": ARGUMENTS, "parsed_arguments": PARSED}
    call = {"id": "call_0", "type": "function", "function": function}
    messages: list[dict[str, Any]] = [
        USER,
        {"role": "assistant", "content": None, "tool_calls": [call], "parsed": None},
        {"role": "tool", "tool_call_id": "call_0", "content": "Rain."},
        {"role": "assistant", "content": '{"answer": 1}', "parsed": {"answer": 2}},
        USER,
    ]
    response = client.post("/v1/chat/completions", json={"model": chat_flow, "messages": messages})
    assert response.status_code == 200, response.text
    sent = model.last["messages"]
    assert sent[2]["tool_calls"][0]["function"] == {"name": "weather", "arguments": ARGUMENTS}
    assert sent[4] == {"role": "assistant", "content": '{"answer": 1}'}


def test_the_parsed_values_of_a_response_are_neither_used_nor_stored(
    client: httpx2.Client, chat_flow: str, model: RecordingModel
) -> None:
    part = {"type": "output_text", "text": '{"answer": 1}', "annotations": [], "parsed": {"answer": 2}}
    call = {"type": "function_call", "call_id": "call_0", "name": "weather", "arguments": ARGUMENTS}
    items: list[dict[str, Any]] = [
        USER,
        {"type": "message", "role": "assistant", "content": [part]},
        {**call, "parsed_arguments": PARSED},
        {"type": "function_call_output", "call_id": "call_0", "output": "Rain."},
    ]
    response = client.post("/v1/responses", json={"model": chat_flow, "input": items})
    assert response.status_code == 200, response.text
    assert "parsed" not in str(model.last["messages"])
    stored = client.get(f"/v1/responses/{response.json()['id']}/input_items").json()["data"]
    assert len(stored) == len(items)
    assert "parsed" not in str(stored)
