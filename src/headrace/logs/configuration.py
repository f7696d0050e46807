"""Configure the log: level, handler and structured format."""

from __future__ import annotations

import logging
import re
import sys
from typing import TYPE_CHECKING, Any, Literal

from headrace.logs.access_log import ACCESS_LOGGER, Access, format_access
from headrace.logs.queued_handler import QueuedHandler
from headrace.logs.redaction import redact_line
from headrace.logs.request_id import current_request_id

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from headrace.settings import LoggingSettings

#: Loggers of packages whose routine lines matter only for debugging.
QUIET_LOGGERS = ("alembic", "asyncio", "httpcore", "httpx", "httpx2", "mcp", "openai", "uvicorn")

#: Loggers of packages that write SQL parameters and rows at the levels `info` and `debug`. They stay silent at every level.
VALUE_LOGGERS = ("aiosqlite", "sqlalchemy")

_STARTUP_FAILED = "Application startup failed. Exiting."
_STARTUP_ERROR = re.compile(r"^headrace\.[\w.]+: ", re.MULTILINE)


def configure_logging(settings: LoggingSettings) -> None:
    """Send log lines of at least the configured level to stderr, structured with structlog."""
    handler = QueuedHandler(sys.stderr)
    handler.setFormatter(StructuredFormatter(settings.format))
    handler.addFilter(_is_not_startup_traceback)
    logging.basicConfig(level=settings.level.upper(), handlers=[handler], force=True)
    quiet_loggers = VALUE_LOGGERS if settings.level == "debug" else (*QUIET_LOGGERS, *VALUE_LOGGERS)
    logging.getLogger(ACCESS_LOGGER).disabled = not settings.access_log
    for name in quiet_loggers:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))


class StructuredFormatter(logging.Formatter):
    """Format records as key-value lines for a terminal, or as JSON for a log collector.

    structlog is imported on the first line, because its import is slow and a normal start logs nothing before it.
    """

    def __init__(self, output: Literal["console", "json"]) -> None:
        super().__init__()
        self._output = output
        self._delegate: logging.Formatter | None = None

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record, without the secrets of the URLs in it."""
        if record.args and isinstance(record.args, tuple) and isinstance(record.args[0], Access):
            line = format_access(record, record.args[0], as_json=self._output == "json")
            return redact_line(line) if "?" in line or "@" in line else line
        if self._delegate is None:
            self._delegate = _create_formatter(self._output)
        return redact_line(self._delegate.format(record))


def _create_formatter(output: Literal["console", "json"]) -> logging.Formatter:
    import structlog

    rendering: list[Any] = [
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
    ]
    if output == "json":
        rendering = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _add_request_id,
        ],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
    )


def _add_request_id(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    if request_id := current_request_id():
        event["request_id"] = request_id
    return event


def _is_not_startup_traceback(record: logging.LogRecord) -> bool:
    """Drop what uvicorn and Starlette add to the error of a start that has failed, which is logged in one line."""
    if record.name != "uvicorn.error":
        return True
    message = record.getMessage()
    return not (message == _STARTUP_FAILED or _STARTUP_ERROR.search(message))
