"""Runs of flows for requests of the OpenAI API."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any
from uuid import UUID

import orjson
from fastapi import Response
from fastapi.responses import StreamingResponse

from headrace.api.dependencies import Services
from headrace.api.http.large_response import large_json_response
from headrace.errors import HeadraceError
from headrace.formats.openai.flow_input import FlowInput
from headrace.formats.openai.pieces import Piece, stream_pieces
from headrace.limits.byte_budget import ByteBudget
from headrace.limits.large_values import LARGE_VALUE_BYTES, call_off_loop
from headrace.limits.value_size import size_of_few_parts
from headrace.runs.flow_resolver import RunnableFlow
from headrace.runs.request import RunRequest
from headrace.runs.streaming import StreamItem, stream_run
from headrace.services.openai_options import client_error

#: The prefix of headers that set a variable for one run.
VARIABLE_HEADER_PREFIX = "x-langflow-global-var-"

#: The responses of routes that run a flow.
RUN_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {}}, "description": "The response, or with `stream` its events"},
    404: {"description": "The caller has no such flow"},
    409: {"description": "A limit on stored objects is reached"},
    429: {"description": "The server is at its limit of concurrent runs"},
    500: {"description": "A component failed"},
    502: {"description": "A service that the flow calls failed"},
    504: {"description": "The run exceeded its time limit"},
}


def variables_of(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that the headers of a request set for one run."""
    return {
        n[len(VARIABLE_HEADER_PREFIX) :].upper(): v for n, v in headers.items() if n.startswith(VARIABLE_HEADER_PREFIX)
    }


def pieces_of(
    server: Services, owner: UUID, flow: RunnableFlow, request: RunRequest, flow_input: FlowInput | None = None
) -> AsyncIterator[Piece]:
    """Run a flow and yield the pieces of its answer."""
    heartbeat_seconds = server.settings.runs.heartbeat_seconds
    items = stream_run(server.runner, owner, flow, request, heartbeat_seconds=heartbeat_seconds)
    return stream_pieces(items if flow_input is None else _client_items(items, flow_input))


async def _client_items(items: AsyncIterator[StreamItem], flow_input: FlowInput) -> AsyncIterator[StreamItem]:
    async for item in items:
        yield client_error(item, flow_input) if isinstance(item, HeadraceError) else item


def event_stream(lines: AsyncIterator[bytes]) -> Response:
    """Return a response that streams events."""
    return StreamingResponse(lines, media_type="text/event-stream", headers={"cache-control": "no-cache"})


async def json_response(open_budget: Callable[[], ByteBudget], size: int, make_body: Callable[[], Any]) -> Response:
    """Return a response with a JSON body, which is made and encoded in a thread if it is large.

    Args:
        open_budget: opens the budget in which a large body counts until the client has received it.
        size: about the number of bytes of the body.
        make_body: returns the body.

    """
    body = await call_off_loop(size, lambda: orjson.dumps(make_body()))
    return large_json_response(body, open_budget)


async def stored_response(server: Services, owner: UUID, body: dict[str, Any]) -> Response:
    """Return a response with stored objects, whose size is unknown."""
    size = size_of_few_parts(body, LARGE_VALUE_BYTES)
    return await json_response(
        lambda: server.runner.open_budget(owner), LARGE_VALUE_BYTES + 1 if size is None else size, lambda: body
    )
