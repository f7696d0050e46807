"""Requests of load balancers have no line in the log, also below a path prefix."""

from __future__ import annotations

import logging
from pathlib import Path

import httpx2
import pytest

from headrace.app import create_app
from tests.conftest import settings_for
from tests.support.server import serving


@pytest.mark.parametrize("prefix", ["", "/flows"])
def test_health_checks_have_no_line(tmp_path: Path, caplog: pytest.LogCaptureFixture, prefix: str) -> None:
    app = create_app(settings_for(tmp_path, root_path=prefix))
    with caplog.at_level(logging.INFO, "headrace.access"), serving(app) as base:
        assert httpx2.get(f"{base}{prefix}/health").status_code == 200
        assert httpx2.get(f"{base}{prefix}/api/v1/version").status_code == 200
    lines = [record.getMessage() for record in caplog.records if record.name == "headrace.access"]
    assert [line.split()[1] for line in lines] == [f"{prefix}/api/v1/version"]
