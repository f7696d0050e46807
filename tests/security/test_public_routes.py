"""Public routes parse only what they use, and no request causes a large error."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from headrace.api.authentication import PUBLIC_PATHS
from headrace.app import create_app
from tests.conftest import settings_for
from tests.security.shared_settings import SMALL_VALUES
from tests.support.probe import AttackedServer

pytestmark = [pytest.mark.any_database, pytest.mark.server(**SMALL_VALUES)]
PUBLIC_BUILD = f"/api/v1/build_public_tmp/{'0' * 32}/flow"
#: The size of the largest error, in bytes.
MAX_ERROR_BYTES = 20_000
WRONG_ITEMS = {
    "file items": {"files": [1] * 100_000},
    "nodes": {"data": {"nodes": [1] * 100_000, "edges": [1] * 100_000}},
    "components": {"inputs": {"components": [[]] * 100_000}},
    "unknown fields": {"inputs": {f"{i:x}": 1 for i in range(40_000)}},
    "a long text": {"inputs": {"session": "a" * 400_000}},
    "a long key": {"inputs": {"k" * 400_000: 1}},
}


@pytest.mark.parametrize("kind", WRONG_ITEMS)
def test_wrong_items_in_a_public_build_cost_little(server: AttackedServer, kind: str) -> None:
    with server.observe() as observation, server.client() as anonymous:
        anonymous.cookies.set("client_id", "anonymous")
        for _ in range(5):
            response = anonymous.post(PUBLIC_BUILD, json=WRONG_ITEMS[kind])
            assert response.status_code in {403, 404, 422}, response.text[:200]
            assert len(response.content) < MAX_ERROR_BYTES
    observation.assert_available()
    observation.assert_memory(64 << 20)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/v1/flows/", {"name": "a" * 1_000_000}),
        ("/api/v1/flows/", {"name": "x", "tags": [1] * 1_000_000}),
        ("/api/v1/flows/", {"name": "x", "data": {"nodes": {str(i): "a" * 10 for i in range(100_000)}, "edges": []}}),
        ("/api/v1/flows/batch/", {"flows": [{"name": []}] * 900}),
        ("/api/v1/run/advanced/any", {"inputs": [{"components": [1] * 1000}] * 100}),
        ("/api/v1/chat/completions", {"model": "x", "messages": [{"role": 1, "content": [1] * 100}] * 5_000}),
        ("/api/v1/build/" + "0" * 32 + "/flow", {"inputs": {f"{i:x}": 1 for i in range(400_000)}}),
    ],
)
def test_errors_of_users_are_small_and_fast(server: AttackedServer, path: str, body: object) -> None:
    with server.observe() as observation, server.client(server.attacker) as attacker:
        response = attacker.post(path, content=orjson.dumps(body), headers={"content-type": "application/json"})
        assert response.status_code in {400, 404, 422}, response.text[:200]
        assert len(response.content) < MAX_ERROR_BYTES
    observation.assert_available()


def test_an_error_still_has_the_shape_that_clients_know(server: AttackedServer) -> None:
    with server.client(server.attacker) as client:
        response = client.post("/api/v1/flows/", json={"name": 5})
    assert response.status_code == 422
    expected = {"type": "string_type", "loc": ["body", "name"], "msg": "Input should be a valid string", "input": 5}
    assert response.json() == {"detail": [expected]}


def test_every_list_and_map_in_a_request_body_is_bounded(tmp_path: Path) -> None:
    document = create_app(settings_for(tmp_path)).openapi()
    unbounded: set[str] = set()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            place = f"{method} {path}"
            for parameter in operation.get("parameters", ()):
                unbounded |= set(_unbounded(parameter["schema"], document, f"{place} ?{parameter['name']}"))
            for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
                # A multipart body is read piece by piece, and any other body that is not JSON is not parsed.
                if media_type == "application/json":
                    texts = path in PUBLIC_PATHS
                    unbounded |= set(_unbounded(content["schema"], document, place, with_texts=texts))
    assert not unbounded


def _unbounded(
    schema: dict[str, Any], document: dict[str, Any], place: str, *, with_texts: bool = False, depth: int = 0
) -> Iterator[str]:
    """Yield the places of lists and maps without a maximum length; of texts too in a body of a public route."""
    if depth > 12:
        return
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    below: list[tuple[str, Any]] = [(place, s) for key in ("anyOf", "allOf", "oneOf") for s in schema.get(key, ())]
    if schema.get("type") == "array":
        if "maxItems" not in schema:
            yield place
        below.append((f"{place}[]", schema.get("items", {})))
    elif schema.get("type") == "object":
        # The values of a map without a schema are bounded by the limits of JSON.
        has_own_fields = "properties" in schema or schema.get("title") in document["components"]["schemas"]
        if not has_own_fields and "maxProperties" not in schema:
            yield place
        below += [(f"{place}.{name}", s) for name, s in schema.get("properties", {}).items()]
        if isinstance(schema.get("additionalProperties"), dict):
            below.append((f"{place}{{}}", schema["additionalProperties"]))
    elif with_texts and schema.get("type") == "string" and not {"maxLength", "enum", "const", "format"} & set(schema):
        yield place
    for name, inner in below:
        yield from _unbounded(inner, document, name, with_texts=with_texts, depth=depth + 1)
