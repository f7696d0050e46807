"""The operations of the OpenAPI document."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import schemathesis
from schemathesis.core.result import Ok

from headrace.app import create_app
from tests.conftest import settings_for

#: Operations whose response never ends.
ENDLESS = {"GET /logs-stream", "GET /api/mcp/sse", "GET /api/v1/mcp/sse"}


def operations() -> dict[str, Any]:
    """Return the operations whose responses end, by method and path."""
    with tempfile.TemporaryDirectory() as folder:
        schema = schemathesis.openapi.from_dict(create_app(settings_for(Path(folder))).openapi())
    found = [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]
    return {operation.label: operation for operation in found if operation.label not in ENDLESS}
