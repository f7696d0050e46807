"""Whatever is sent, the server answers what its OpenAPI description says, and never fails."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

from headrace.app import create_app
from tests.clients import log_in
from tests.conftest import settings_for
from tests.server import serving

EXAMPLES = int(os.environ.get("HEADRACE_TEST_EXAMPLES", "8"))
#: A stream of log lines has no end to wait for.
ENDLESS = {"GET /logs-stream"}


def operations() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        schema = schemathesis.openapi.from_dict(create_app(settings_for(Path(folder))).openapi())
    found = [result.ok() for result in schema.get_all_operations()]
    return {operation.label: operation for operation in found if operation.label not in ENDLESS}


OPERATIONS = operations()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, database_url: str | None) -> Iterator[tuple[str, dict[str, str]]]:
    folder = tmp_path_factory.mktemp("fuzzed")
    with serving(create_app(settings_for(folder, database_url, log_retriever_buffer_size=100))) as base:
        yield base, log_in(base)


@pytest.mark.parametrize("label", OPERATIONS)
def test_every_answer_is_described(label: str, served: tuple[str, dict[str, str]]) -> None:
    base, headers = served
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):

        @given(case=OPERATIONS[label].as_strategy(generation_mode=mode))
        @settings(max_examples=EXAMPLES, database=None, suppress_health_check=list(HealthCheck))
        def check(case: schemathesis.Case) -> None:
            case.call_and_validate(
                base_url=base,
                headers=headers,
                timeout=30,
                checks=[not_a_server_error, status_code_conformance, response_schema_conformance],
            )

        # An operation that takes nothing cannot be sent anything wrong.
        with contextlib.suppress(*([Unsatisfiable] if mode is GenerationMode.NEGATIVE else [])):
            check()
