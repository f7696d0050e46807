"""The server's log, for superusers, where the operator keeps one for them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse

from headrace.api.errors import BadRequestError, SwitchedOffError
from headrace.api.json_body import StrictRoute
from headrace.api.state import Server, State, Superuser
from headrace.log_buffer import LogBuffer

router = APIRouter(tags=["Log"], route_class=StrictRoute)

#: Lines that are shown where no number is given.
SHOWN = 10
#: A stream says that it is still there after so long without a line, seconds.
HEARTBEAT_SECONDS = 15.0

_OFF: dict[int | str, dict[str, Any]] = {501: {"description": "The operator keeps no log for reading"}}


def _buffer(server: State) -> LogBuffer:
    if server.logs is None:
        raise SwitchedOffError("Log retrieval is disabled")
    return server.logs


@router.get("/logs", responses=_OFF)
async def read_logs(
    _caller: Superuser,
    server: Server,
    lines_before: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    lines_after: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    timestamp: Annotated[int, Query(ge=0, le=10**15, description="Milliseconds since 1970.")] = 0,
) -> dict[int, str]:
    """Return lines by the millisecond in which they were written: the last ones, or those around a moment."""
    buffer = _buffer(server)
    if lines_before and lines_after:
        raise BadRequestError("Cannot request logs before and after the timestamp")
    if lines_after:
        if not timestamp:
            raise BadRequestError("Timestamp is required when requesting logs after the timestamp")
        return buffer.after(timestamp, lines_after)
    if timestamp:
        return buffer.before(timestamp, lines_before or SHOWN)
    return buffer.last(lines_before or SHOWN)


@router.get(
    "/logs-stream",
    responses={**_OFF, 200: {"content": {"text/event-stream": {}}, "description": "Lines as they are written"}},
    response_class=Response,
)
async def stream_logs(_caller: Superuser, server: Server) -> Response:
    """Return lines as they are written, each a JSON object of its millisecond and text."""
    return StreamingResponse(_lines(_buffer(server)), media_type="text/event-stream")


async def _lines(buffer: LogBuffer) -> AsyncIterator[bytes]:
    async for line in buffer.follow(HEARTBEAT_SECONDS):
        yield b"keepalive\n\n" if line is None else orjson.dumps({str(line[0]): line[1]}) + b"\n\n"
