"""If-Else and Pass, in a flow."""

from __future__ import annotations

import uuid
from typing import Any

import httpx2
import pytest

from tests.flow_builder import FlowBuilder


def if_else(**fields: Any) -> dict[str, Any]:
    return (
        FlowBuilder()
        .node("ChatInput", "ChatInput-a")
        .node("ConditionalRouter", "Router-r", **fields)
        .node("ChatOutput", "ChatOutput-t")
        .node("TextOutput", "TextOutput-f")
        .edge("ChatInput-a", "message", "Router-r", "input_text")
        .edge("Router-r", "true_result", "ChatOutput-t", "input_value")
        .edge("Router-r", "false_result", "TextOutput-f", "input_value")
        .data
    )


def said(client: httpx2.Client, data: dict[str, Any], text: str) -> tuple[str, str]:
    """Return which output answered, and with what."""
    flow = client.post("/api/v1/flows/", json={"name": f"f {uuid.uuid4()}", "data": data}).json()["id"]
    body = {"input_value": text, "output_type": "any", "session_id": str(uuid.uuid4())}
    answer = client.post(f"/api/v1/run/{flow}", json=body)
    assert answer.status_code == 200, answer.text
    (result,) = answer.json()["outputs"][0]["outputs"]
    return result["component_id"], next(iter(result["results"].values()))["text"]


@pytest.mark.parametrize(
    ("operator", "match", "text", "holds"),
    [
        ("equals", "yes", "yes", True),
        ("equals", "yes", "YES", False),
        ("not equals", "yes", "no", True),
        ("contains", "es", "yes!", True),
        ("starts with", "ye", "yes", True),
        ("ends with", "s", "yes", True),
        ("regex", r"\d+ mills", "12 mills", True),
        ("regex", r"\d+", "none", False),
        ("less than", "10", "9", True),
        ("less than or equal", "10", "10", True),
        ("greater than", "10", "9.5", False),
        ("greater than or equal", "1e3", "1000", True),
        ("greater than", "10", "many", False),
    ],
)
def test_one_way_is_taken_and_the_other_not(
    client: httpx2.Client, operator: str, match: str, text: str, holds: bool
) -> None:
    answered = said(client, if_else(operator=operator, match_text=match), text)
    assert answered == ("ChatOutput-t" if holds else "TextOutput-f", text)


def test_each_way_has_words_of_its_own(client: httpx2.Client) -> None:
    data = if_else(
        match_text="YES", case_sensitive=False, true_case_message="went true", false_case_message="went false"
    )
    assert said(client, data, "yes") == ("ChatOutput-t", "went true")
    assert said(client, data, "no") == ("TextOutput-f", "went false")


@pytest.mark.parametrize(("pattern", "says"), [("(", "cannot read the pattern"), ("(a|a)*$", "takes too long")])
def test_a_pattern_that_is_none_or_never_ends_is_told(client: httpx2.Client, pattern: str, says: str) -> None:
    data = if_else(operator="regex", match_text=pattern)
    flow = client.post("/api/v1/flows/", json={"name": f"f {uuid.uuid4()}", "data": data}).json()["id"]
    answer = client.post(f"/api/v1/run/{flow}", json={"input_value": "a" * 60 + "b"})
    assert (answer.status_code, says in answer.text) == (500, True), answer.text


def test_ways_that_meet_again_go_on_with_what_came(client: httpx2.Client) -> None:
    data = if_else(match_text="yes")
    both = FlowBuilder()
    both.data["nodes"] = data["nodes"][:2]
    both.data["edges"] = data["edges"][:1]
    (
        both.node("Pass", "Pass-l")
        .node("Pass", "Pass-r")
        .node("Prompt Template", "Prompt-j", template="{left}{right}", left="-", right="-")
        .node("ChatOutput", "ChatOutput-t")
        .edge("Router-r", "true_result", "Pass-l", "input_message")
        .edge("Router-r", "false_result", "Pass-r", "input_message")
        .edge("Pass-l", "output_message", "Prompt-j", "left")
        .edge("Pass-r", "output_message", "Prompt-j", "right")
        .edge("Prompt-j", "prompt", "ChatOutput-t", "input_value")
    )
    assert said(client, both.data, "yes") == ("ChatOutput-t", "yes-")
    assert said(client, both.data, "no") == ("ChatOutput-t", "-no")
