"""The format and level of log lines."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

SCRIPT = """
import logging
from headrace.logs.configuration import configure_logging
from headrace.settings import load_settings
configure_logging(load_settings().logging)
log = logging.getLogger("headrace.example")
log.debug("a detail")
logging.getLogger("alembic.runtime").info("a routine line")
logging.getLogger("uvicorn.error").error("Traceback\\nheadrace.errors.SettingsError: already logged")
from headrace.logs import request_id
request_id._request_id.set("trace-1")
try:
    1 / 0
except ZeroDivisionError:
    log.exception("flow %s failed", "basic-chat")
"""


def run_and_read_log(**environment: str) -> str:
    variables = {k: v for k, v in os.environ.items() if not k.startswith(("LANGFLOW_", "HEADRACE_"))}
    command = [sys.executable, "-c", SCRIPT]
    return subprocess.run(command, env={**variables, **environment}, capture_output=True, text=True, check=True).stderr


@pytest.mark.parametrize("variable", ["LANGFLOW_LOG_ENV=container", "HEADRACE_LOG_FORMAT=json"])
def test_json_lines_carry_level_logger_request_id_and_traceback(variable: str) -> None:
    (line,) = run_and_read_log(**dict([variable.split("=")])).splitlines()
    entry = json.loads(line)
    assert (entry["event"], entry["level"], entry["logger"]) == ("flow basic-chat failed", "error", "headrace.example")
    assert entry["request_id"] == "trace-1"
    assert "ZeroDivisionError" in entry["exception"]
    assert entry["timestamp"].endswith("Z")


def test_lines_for_people_carry_the_request_id_and_the_traceback() -> None:
    text = run_and_read_log()
    assert "flow basic-chat failed" in text.splitlines()[0]
    assert "trace-1" in text.splitlines()[0]
    assert "ZeroDivisionError" in text
    assert "routine" not in text
    assert "already logged" not in text


def test_the_level_selects_the_lines() -> None:
    assert run_and_read_log(LANGFLOW_LOG_LEVEL="critical") == ""
    assert "a detail" in run_and_read_log(LANGFLOW_LOG_LEVEL="DEBUG")
