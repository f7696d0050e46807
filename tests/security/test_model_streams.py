"""A model server that never stops sending does not fill the memory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.security.shared_settings import SMALL_VALUES
from tests.support.flow_builder import FlowBuilder
from tests.support.flows import create_flow
from tests.support.hostile_model import BODIES, STREAMS, hostile_model_app
from tests.support.probe import AttackedServer
from tests.support.server import serving

pytestmark = [pytest.mark.any_database, pytest.mark.server(**SMALL_VALUES)]
MAX_GROWTH = 160 << 20


@pytest.fixture(scope="module")
def model_url() -> Iterator[str]:
    with serving(hostile_model_app()) as address:
        yield f"{address}/v1"


@pytest.mark.parametrize("is_streamed", [False, True])
@pytest.mark.parametrize("answer", [*STREAMS, *BODIES])
def test_an_endless_answer_is_stopped(server: AttackedServer, model_url: str, answer: str, is_streamed: bool) -> None:
    data = (
        FlowBuilder()
        .node("ChatInput", "ChatInput-a")
        .node(
            "OpenAIModel",
            "OpenAIModel-m",
            model_name=answer,
            openai_api_base=model_url,
            api_key="sk-test",
            max_retries=0,
            stream=is_streamed or answer in STREAMS,
        )
        .node("ChatOutput", "ChatOutput-b")
        .edge("ChatInput-a", "message", "OpenAIModel-m", "input_value")
        .edge("OpenAIModel-m", "text_output", "ChatOutput-b", "input_value")
        .data
    )
    with server.client(server.attacker) as client:
        flow_id = create_flow(client, data)
        with (
            server.observe() as observation,
            client.stream(
                "POST", f"/api/v1/run/{flow_id}", params={"stream": is_streamed}, json={"input_value": "x"}
            ) as response,
        ):
            end = b""
            for chunk in response.iter_raw():
                end = (end + chunk)[-5000:]
    observation.assert_memory(MAX_GROWTH)
    expected = (b"tool calls",) if answer == "calls" else (b"HEADRACE_MAX_", b"Connection error", b"event")
    assert any(text in end for text in expected), end
