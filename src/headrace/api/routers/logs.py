"""Routes for the server's log. Only superusers may read it, and only if the operator has enabled the buffer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse

from headrace.api.dependencies import Services, ServicesDep, Superuser
from headrace.api.http.request_body import StrictJSONRoute
from headrace.errors import BadRequestError, FeatureDisabledError
from headrace.logs.buffer import LogBuffer

router = APIRouter(tags=["Log"], route_class=StrictJSONRoute)

#: Number of lines in a response if the request sets none.
DEFAULT_LINES = 10
#: Interval of keep-alive messages on a stream without new lines, in seconds.
HEARTBEAT_SECONDS = 15.0

_OFF: dict[int | str, dict[str, Any]] = {501: {"description": "Log retrieval is disabled"}}


def _buffer(server: Services) -> LogBuffer:
    if server.logs is None:
        raise FeatureDisabledError("Log retrieval is disabled")
    return server.logs


@router.get("/logs", responses=_OFF)
async def read_logs(
    _caller: Superuser,
    server: ServicesDep,
    lines_before: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    lines_after: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    timestamp: Annotated[int, Query(ge=0, le=10**15, description="Milliseconds since 1970.")] = 0,
) -> dict[int, str]:
    """Return log lines by their time in milliseconds: the newest ones, or those before or after `timestamp`."""
    buffer = _buffer(server)
    if lines_before and lines_after:
        raise BadRequestError("Cannot request logs before and after the timestamp")
    if lines_after:
        if not timestamp:
            raise BadRequestError("Timestamp is required when requesting logs after the timestamp")
        return buffer.after(timestamp, lines_after)
    if timestamp:
        return buffer.before(timestamp, lines_before or DEFAULT_LINES)
    return buffer.last(lines_before or DEFAULT_LINES)


@router.get(
    "/logs-stream",
    responses={**_OFF, 200: {"content": {"text/event-stream": {}}, "description": "Lines as they are written"}},
    response_class=Response,
)
async def stream_logs(_caller: Superuser, server: ServicesDep) -> Response:
    """Stream new log lines, each as a JSON object from its time in milliseconds to its text."""
    return StreamingResponse(_lines(_buffer(server)), media_type="text/event-stream")


async def _lines(buffer: LogBuffer) -> AsyncIterator[bytes]:
    async for line in buffer.follow(HEARTBEAT_SECONDS):
        yield b"keepalive\n\n" if line is None else orjson.dumps({str(line[0]): line[1]}) + b"\n\n"
