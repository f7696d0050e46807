"""References to the output items of stored responses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest

from headrace.app import create_app
from tests.conftest import settings_for
from tests.support.clients import log_in
from tests.support.flow_builder import echo_flow, model_flow
from tests.support.flows import create_flow
from tests.support.model_server import KEY
from tests.support.server import serving

USER_ITEM: Any = {"role": "user", "content": "x"}


def reference(item_id: str) -> Any:
    return {"type": "item_reference", "id": item_id}


def test_an_item_is_referenced_once(sdk: openai.OpenAI, chat_flow: str) -> None:
    item_id = sdk.responses.create(model=chat_flow, input="hello").output[0].id
    assert item_id is not None
    repeated: Any = [reference(item_id), reference(item_id), USER_ITEM]
    with pytest.raises(openai.BadRequestError, match="referenced twice") as refused:
        sdk.responses.create(model=chat_flow, input=repeated)
    assert refused.value.param == "input[1].id"
    stored = sdk.responses.create(model=chat_flow, input=repeated[1:])
    assert [item.type for item in sdk.responses.input_items.list(stored.id)] == ["message", "message"]


def test_a_request_has_a_hundred_references_at_most(client: httpx2.Client, sdk: openai.OpenAI) -> None:
    flow = create_flow(client, echo_flow())
    with pytest.raises(openai.BadRequestError, match="at most 100") as refused:
        sdk.responses.create(model=flow, input=[*(reference(f"msg_{n}_0") for n in range(101)), USER_ITEM])
    assert refused.value.param == "input"


@pytest.fixture
def narrow(database_url: str | None, tmp_path: Path) -> Iterator[httpx2.Client]:
    """Return a client of a server with small requests."""
    app = create_app(settings_for(tmp_path, database_url, max_request_bytes=200_000))
    with serving(app) as base, httpx2.Client(base_url=base, headers=log_in(base), timeout=30) as client:
        yield client


def test_referenced_items_count_as_a_part_of_the_request(narrow: httpx2.Client, model_url: str) -> None:
    flow = create_flow(narrow, echo_flow())
    ids = [
        narrow.post("/v1/responses", json={"model": flow, "input": "x" * 150_000}).json()["output"][0]["id"]
        for _ in range(2)
    ]
    flow = create_flow(narrow, model_flow(model_url, KEY))
    one = narrow.post("/v1/responses", json={"model": flow, "input": [reference(ids[0]), USER_ITEM]})
    assert one.status_code == 200, one.text
    both = narrow.post("/v1/responses", json={"model": flow, "input": [*map(reference, ids), USER_ITEM]})
    assert both.status_code == 400, both.text
    assert both.json()["error"]["param"] == "input"
    assert "HEADRACE_MAX_REQUEST_BYTES" in both.json()["error"]["message"]
