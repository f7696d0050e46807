"""Clients of the OpenAI API."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import openai
import pytest

from tests.support.flow_builder import FlowBuilder
from tests.support.flows import create_flow
from tests.support.model_server import KEY
from tests.support.recording_model import RecordingModel
from tests.support.server import serving


@pytest.fixture
def key(client: httpx2.Client) -> str:
    return str(client.post("/api/v1/api_key/", json={"name": "sdk"}).json()["api_key"])


@pytest.fixture
def sdk(client: httpx2.Client, key: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{client.base_url}/v1", api_key=key, max_retries=0) as openai_client:
        yield openai_client


@pytest.fixture(scope="session")
def recording_url() -> Iterator[tuple[RecordingModel, str]]:
    model = RecordingModel()
    with serving(model.app) as address:
        yield model, f"{address}/v1"


@pytest.fixture
def model(recording_url: tuple[RecordingModel, str]) -> RecordingModel:
    recording_url[0].bodies.clear()
    return recording_url[0]


@pytest.fixture
def chat_flow(client: httpx2.Client, recording_url: tuple[RecordingModel, str]) -> str:
    """Return the id of a flow from Chat Input through a model to Chat Output."""
    flow = (
        FlowBuilder()
        .node("ChatInput", "ChatInput-a")
        .node(
            "OpenAIModel",
            "OpenAIModel-m",
            openai_api_base=recording_url[1],
            api_key=KEY,
            max_retries=0,
            system_message="Be brief.",
        )
        .node("ChatOutput", "ChatOutput-b")
        .edge("ChatInput-a", "message", "OpenAIModel-m", "input_value")
        .edge("OpenAIModel-m", "text_output", "ChatOutput-b", "input_value")
    )
    return create_flow(client, flow.data)
