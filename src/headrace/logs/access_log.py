"""A line of the log for each request.

The lines are frequent, so they skip structlog: the formatter writes them from the parts in `Access`.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import orjson

from headrace.logs.request_id import current_request_id

if TYPE_CHECKING:
    from starlette.types import Scope

ACCESS_LOGGER = "headrace.access"
#: Requests of load balancers and collectors, which come every few seconds; their lines have the level `debug`.
ROUTINE_PATHS = frozenset({"/health", "/health_check", "/metrics"})
#: The status of a request whose client disconnected before the response started, as in nginx.
CLIENT_CLOSED_REQUEST = 499

log = logging.getLogger(ACCESS_LOGGER)


@dataclass(frozen=True, slots=True)
class Access:
    """A request and its response. The query is part of the path only at the level `debug`: it may contain users' texts."""

    method: str
    path: str
    status: int
    milliseconds: float
    client: str
    request_id: str

    def __str__(self) -> str:
        """Return the line without time and level."""
        return f"{self.method} {self.path} {self.status} {self.milliseconds:.1f} ms {self.client}"


def log_request(scope: Scope, status: int, seconds: float) -> None:
    """Write the line of a request.

    Args:
        scope: The ASGI scope of an HTTP request.
        status: The status of the response, 0 if it has not started.
        seconds: The time from the request to the end of the response.

    """
    path_below_prefix = scope["path"].removeprefix(scope.get("root_path", ""))
    level = logging.DEBUG if path_below_prefix in ROUTINE_PATHS else logging.INFO
    if not log.isEnabledFor(level):
        return
    # As it was sent, so that it contains no line break.
    path = scope.get("raw_path", b"").decode("latin-1") or "/"
    if scope["query_string"] and log.isEnabledFor(logging.DEBUG):
        path = f"{path}?{scope['query_string'].decode('latin-1')}"
    client = scope.get("client")
    access = Access(
        scope["method"],
        path,
        status or CLIENT_CLOSED_REQUEST,
        seconds * 1000,
        client[0] if client else "-",
        current_request_id(),
    )
    # Not `log.log`, which looks up the calling line of code.
    log.handle(logging.LogRecord(ACCESS_LOGGER, level, "", 0, "%s", (access,), None))


def format_access(record: logging.LogRecord, access: Access, *, as_json: bool) -> str:
    """Return the line of a request with its time and level."""
    time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    level = record.levelname.lower()
    if not as_json:
        return f"{time} [{level:<9}] {access} [{record.name}] request_id={access.request_id}"
    return orjson.dumps(
        {
            "event": "request",
            "method": access.method,
            "path": access.path,
            "status": access.status,
            "milliseconds": round(access.milliseconds, 1),
            "client": access.client,
            "request_id": access.request_id,
            "level": level,
            "logger": record.name,
            "timestamp": time,
        }
    ).decode()
