"""Settings of the log."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator

from headrace.settings.declaration import IgnoreCase, SettingsGroup, setting

#: Values of `LANGFLOW_LOG_ENV`.
_FORMATS = {
    "container": "json",
    "container_json": "json",
    "container_csv": "console",
    "default": "console",
    "": "console",
}


def _parse_format(value: object) -> object:
    return _FORMATS.get(value.lower(), value.lower()) if isinstance(value, str) else value


class LoggingSettings(SettingsGroup):
    """Level and format of the log, and its buffer for `GET /logs`."""

    level: Annotated[Literal["debug", "info", "warning", "error", "critical"], IgnoreCase] = setting(
        "LANGFLOW_LOG_LEVEL", default="info", description="Minimum level of log lines."
    )
    format: Annotated[Literal["console", "json"], BeforeValidator(_parse_format)] = setting(
        "HEADRACE_LOG_FORMAT",
        "LANGFLOW_LOG_ENV",
        default="console",
        description="`json` writes a JSON object per line, `console` a line for people. "
        "`container` and `container_json` mean `json`; `default` and `container_csv` mean `console`.",
    )
    access_log: bool = setting(
        "HEADRACE_ACCESS_LOG",
        default=True,
        description="Write a line for each request: method, path without query, status, duration and client address. Its level is "
        "`info`; health checks have the level `debug`.",
    )
    max_buffered_lines: int = setting(
        "LANGFLOW_LOG_RETRIEVER_BUFFER_SIZE",
        default=0,
        ge=0,
        le=1_000_000,
        description="Number of most recent log lines that superusers can read over HTTP; 0 disables this.",
    )
