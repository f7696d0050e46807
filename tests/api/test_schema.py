"""Responses to generated requests conform to the OpenAPI document, and none is a server error."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

from headrace.app import create_app
from tests.conftest import settings_for
from tests.support.clients import log_in
from tests.support.openapi import operations
from tests.support.server import serving

EXAMPLES = int(os.environ.get("HEADRACE_TEST_EXAMPLES", "5"))
OPERATIONS = operations()
LOGOUT = "POST /api/v1/logout"


@pytest.fixture(scope="module")
def schema_server(
    tmp_path_factory: pytest.TempPathFactory, database_url: str | None
) -> Iterator[tuple[str, dict[str, str]]]:
    # A superuser of its own: other tests use the same PostgreSQL database, and the requests change their user.
    name = f"root-{uuid.uuid4()}"
    settings = settings_for(
        tmp_path_factory.mktemp("fuzzed"), database_url, superuser=name, log_retriever_buffer_size=100
    )
    with serving(create_app(settings)) as base:
        yield base, log_in(base, name)


@pytest.mark.parametrize("label", OPERATIONS)
def test_every_response_conforms_to_the_openapi_document(label: str, schema_server: tuple[str, dict[str, str]]) -> None:
    base, headers = schema_server
    if label == LOGOUT:
        # It would end the session of the other operations.
        headers = {}
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):

        @given(case=OPERATIONS[label].as_strategy(generation_mode=mode))
        @settings(max_examples=EXAMPLES, database=None, suppress_health_check=list(HealthCheck))
        def check(case: schemathesis.Case[Any]) -> None:
            case.call_and_validate(
                base_url=base,
                headers=headers,
                timeout=30,
                checks=[not_a_server_error, status_code_conformance, response_schema_conformance],
            )

        # No invalid request exists for an operation without parameters.
        with contextlib.suppress(*([Unsatisfiable] if mode is GenerationMode.NEGATIVE else [])):
            check()
