"""Lines for curl."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import Any

from tests.clients.scripts.support import (
    BROKEN,
    IMAGE_URL,
    KEY,
    MISSING_MODEL,
    MODEL,
    REFUSED,
    SCHEMA,
    TOOL_AGENT,
    TOOL_DESCRIPTION,
    TOOL_NAME,
    TOOL_PARAMETERS,
    URL,
    WEATHER,
    WRONG_KEY,
    Perform,
    images,
    report,
)


def curl(path: str, body: dict[str, Any] | None = None, key: str = KEY) -> subprocess.CompletedProcess[str]:
    arguments = [f"{URL}{path}", "-H", f"authorization: Bearer {key}"]
    if body is not None:
        arguments += ["-H", "content-type: application/json", "-d", "@-"]
    command = ["curl", "--silent", "--show-error", "--no-buffer", "--fail-with-body", *arguments]
    return subprocess.run(command, input=json.dumps(body), capture_output=True, text=True, timeout=120)


def post(path: str, **body: Any) -> Any:
    done = curl(path, body)
    if done.returncode:
        raise RuntimeError(done.stderr + done.stdout)
    return json.loads(done.stdout)


def respond(items: Any, model: str = MODEL, **body: Any) -> Any:
    return post("/v1/responses", model=model, input=items, **body)


def text_of(response: Any) -> str:
    return "".join(part["text"] for item in response["output"] if item["type"] == "message" for part in item["content"])


def error_of(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    return {"type": f"status {done.returncode}", "text": done.stderr + done.stdout}


def events_of(text: Any, model: str = MODEL, **body: Any) -> list[Any]:
    lines = curl("/v1/responses", {"model": model, "input": text, "stream": True, **body}).stdout.splitlines()
    return [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]


def stream(text: str, model: str = MODEL) -> list[str]:
    return [event["delta"] for event in events_of(text, model) if event["type"] == "response.output_text.delta"]


def streamed_response(items: Any, **body: Any) -> Any:
    return events_of(items, **body)[-1]["response"]


def error_event() -> dict[str, str]:
    event = events_of(BROKEN)[-1]
    return {"type": f"event {event['type']}", "text": event["response"]["error"]["message"]}


def tools(capability: str, respond: Callable[..., Any]) -> dict[str, Any]:
    function = {"type": "function", "name": TOOL_NAME, "description": TOOL_DESCRIPTION, "parameters": TOOL_PARAMETERS}
    first = respond(f"responses: {capability}", tools=[function])
    calls = [item for item in first["output"] if item["type"] == "function_call"]
    results = [{"type": "function_call_output", "call_id": call["call_id"], "output": WEATHER} for call in calls]
    return {
        "calls": [[call["name"], json.loads(call["arguments"])] for call in calls],
        "answer": text_of(respond(results, tools=[function], previous_response_id=first["id"])),
    }


def structured() -> Any:
    form = {"type": "json_schema", "name": "answer", "schema": SCHEMA, "strict": True}
    return json.loads(text_of(respond("responses: structured", text={"format": form})))


def image(capability: str, model: str) -> str:
    parts = [
        {"type": "input_text", "text": f"responses: {capability}"},
        {"type": "input_image", "image_url": IMAGE_URL},
    ]
    return text_of(respond([{"role": "user", "content": parts}], model))


def conversation() -> str:
    earlier = respond("responses: earlier turn")
    return text_of(respond("responses: conversation", previous_response_id=earlier["id"]))


CAPABILITIES: dict[str, Perform] = {
    "models": lambda: [model["id"] for model in json.loads(curl("/v1/models").stdout)["data"]],
    "chat": lambda: text_of(respond("responses: chat")),
    "stream": lambda: stream("responses: stream"),
    "tools": lambda: tools("tools", respond),
    "stream_tools": lambda: tools("stream_tools", streamed_response),
    "agent_tools": lambda: stream("responses: agent_tools", TOOL_AGENT),
    "structured": structured,
    **images(image),
    "conversation": conversation,
    "wrong_key": lambda: error_of(curl("/v1/responses", {"model": MODEL, "input": "x"}, WRONG_KEY)),
    "unknown_model": lambda: error_of(curl("/v1/responses", {"model": MISSING_MODEL, "input": "x"})),
    "failed_run": lambda: error_of(curl("/v1/responses", {"model": MODEL, "input": REFUSED})),
    "failed_stream": error_event,
}

report({"responses": CAPABILITIES})
