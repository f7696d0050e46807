"""Run a flow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Annotated, Any, TypeVar, cast
from uuid import UUID

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field
from starlette.requests import ClientDisconnect

from headrace.api.dependencies import Services, get_current_user, get_services
from headrace.api.http.large_response import large_json_response
from headrace.api.http.request_body import StrictJSONRoute
from headrace.api.http.run_route import DirectJSONRoute
from headrace.api.schemas.bounds import JsonObject, ShortList
from headrace.errors import BadRequestError, HeadraceError
from headrace.formats.langflow import answer_json, message_data
from headrace.formats.openai.event_lines import HEARTBEAT
from headrace.graph.errors import RunError
from headrace.graph.events import Event, MessageEmitted, TokenEmitted
from headrace.graph.result import RunResult
from headrace.limits.large_values import call_off_loop
from headrace.runs.answer_size import answer_size, check_answer_size
from headrace.runs.flow_resolver import RunnableFlow
from headrace.runs.request import InputType, OutputType, RunRequest
from headrace.runs.streaming import StreamItem, stream_run

router = APIRouter(prefix="/api/v1", tags=["Run"], route_class=StrictJSONRoute)

#: A run's connection is watched for a disconnect only after this time, by which most runs are done.
DISCONNECT_CHECK_DELAY_SECONDS = 0.05

T = TypeVar("T")


class RunBody(BaseModel):
    """The input, tweaks and requested outputs of a run."""

    input_value: str | None = Field(default=None, description="The text that goes into the flow's inputs.")
    input_type: InputType | None = Field(default="chat", description="The kind of inputs that receive `input_value`.")
    output_type: OutputType | None = Field(
        default="chat", description="The kind of outputs to return; `debug` returns those of all components."
    )
    output_component: str | None = Field(
        default="", description="The id or display name of the only component whose output is returned."
    )
    tweaks: JsonObject | None = Field(
        default=None, description="Field values for this run, by node id, component type or display name."
    )
    session_id: str | None = Field(
        default=None, max_length=1024, description="The session in which messages are stored; by default the flow's id."
    )


class RunInput(BaseModel):
    """One input, and the components that receive it."""

    components: ShortList[str] | None = Field(
        default=None,
        description="Ids or display names of the components that receive it; by default every input of the type.",
    )
    input_value: str | None = None
    session: str | None = Field(default=None, max_length=1024)
    type: InputType | None = "any"
    client_request_time: int | None = None


class AdvancedRunBody(BaseModel):
    """The inputs, tweaks and requested outputs of several runs in one session."""

    inputs: Annotated[list[RunInput], Field(max_length=100, fail_fast=True)] | None = None
    outputs: ShortList[str] | None = Field(
        default=None, description="Ids or display names of the components whose output is returned."
    )
    tweaks: JsonObject | None = None
    session_id: str | None = Field(default=None, max_length=1024)
    stream: bool = False


class RunResponse(BaseModel):
    """A run's answer."""

    session_id: str
    outputs: list[dict[str, Any]]


_RESPONSES: dict[int | str, dict[str, Any]] = {
    400: {"description": "The flow is invalid, or the request contradicts itself"},
    404: {"description": "The caller has no such flow"},
    422: {
        "description": "The body is not valid, or a tweak does not fit the flow; `detail` names the nearest component or field"
    },
    429: {"description": "The server is at its limit of concurrent runs; retry after the seconds in `Retry-After`"},
    500: {
        "description": "A component failed; `detail` is a JSON text whose `message` names the component and the cause"
    },
    504: {"description": "The run took too long"},
}


class RunRoute(DirectJSONRoute):
    """The route of `run_flow`."""

    body_model = RunBody

    async def handle_body(self, request: Request, body: BaseModel) -> Response:
        """Run a flow without streaming."""
        return await _run(request, cast("RunBody", body), stream=False)


async def run_flow(
    flow_id_or_name: str, request: Request, body: RunBody | None = None, *, stream: bool = False
) -> Response:
    """Run a flow by its id or endpoint name. With `stream=true`, the answer is a stream of events, each a line of JSON and an empty line."""
    return await _run(request, body or RunBody(), stream=stream)


async def _run(request: Request, body: RunBody, *, stream: bool) -> Response:
    server, user = get_services(request), get_current_user(request)
    flow = await server.resolver.resolve(user.id, request.path_params["flow_id_or_name"])
    run_request = RunRequest(
        input_value=body.input_value,
        input_type=body.input_type or "chat",
        output_type=body.output_type or "chat",
        output_components=(body.output_component,) if body.output_component else (),
        session_id=body.session_id or None,
        tweaks=body.tweaks or {},
        stream=stream,
    )
    if stream:
        return _stream_response(server, user.id, flow, run_request)
    result = await cancel_on_disconnect(request, server.runner.run(user.id, flow, run_request))
    answer = await call_off_loop(answer_size(result), _encode_answer, result)
    return large_json_response(answer, lambda: server.runner.open_budget(user.id))


def _encode_answer(result: RunResult) -> bytes:
    return orjson.dumps(answer_json(result))


run_router = APIRouter(prefix="/api/v1", tags=["Run"], route_class=RunRoute)
run_router.post("/run/{flow_id_or_name}", response_model=RunResponse, responses=_RESPONSES)(run_flow)


@router.post("/run/advanced/{flow_id_or_name}", response_model=RunResponse, responses=_RESPONSES)
async def run_flow_advanced(flow_id_or_name: str, request: Request, body: AdvancedRunBody | None = None) -> Response:
    """Run a flow once for each input, one after the other, in one session, and return an answer for each."""
    server, user = get_services(request), get_current_user(request)
    body = body or AdvancedRunBody()
    flow = await server.resolver.resolve(user.id, flow_id_or_name)
    inputs = body.inputs or [RunInput(type="chat")]
    session_id = body.session_id or next((i.session for i in inputs if i.session), None)
    run_requests = [
        RunRequest(
            input_value=run_input.input_value,
            input_type=run_input.type or "any",
            input_components=tuple(run_input.components or ()),
            output_type="any",
            output_components=tuple(body.outputs or ()),
            session_id=session_id,
            tweaks=body.tweaks or {},
            stream=body.stream,
        )
        for run_input in inputs
    ]
    if body.stream:
        if len(run_requests) > 1:
            raise BadRequestError("Only a run with one input can be streamed. Send one input, or set stream to false.")
        return _stream_response(server, user.id, flow, run_requests[0])

    async def run_all() -> bytes:
        answers: list[dict[str, Any]] = []
        total = 0
        # The answers of all runs are in memory until the last run has ended.
        with server.runner.open_budget(user.id) as budget:
            for run_request in run_requests:
                result = await server.runner.run(user.id, flow, run_request)
                size = check_answer_size(result, budget.limits.run)
                budget.hold_response(size, "The answer of the flow")
                answers.append(await call_off_loop(size, answer_json, result))
                total += size
            outputs = [output for answer in answers for output in answer["outputs"]]
            return await call_off_loop(total, orjson.dumps, {**answers[0], "outputs": outputs})

    answer = await cancel_on_disconnect(request, run_all())
    return large_json_response(answer, lambda: server.runner.open_budget(user.id))


def _stream_response(server: Services, owner: UUID, flow: RunnableFlow, run_request: RunRequest) -> Response:
    server.runner.check_request(flow, run_request)
    items = stream_run(
        server.runner, owner, flow, run_request, heartbeat_seconds=server.settings.runs.heartbeat_seconds
    )
    return StreamingResponse(_lines(items), media_type="text/event-stream", headers={"cache-control": "no-cache"})


async def cancel_on_disconnect(request: Request, run: Coroutine[Any, Any, T]) -> T:
    """Return the result of a run, which is cancelled if the client disconnects.

    Raises:
        ClientDisconnect: The client disconnected, and the run was cancelled.

    """
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    watcher: asyncio.Task[None] | None = None

    def cancel_run(finished: asyncio.Task[None]) -> None:
        if not finished.cancelled() and task is not None:
            task.cancel()

    def watch() -> None:
        nonlocal watcher
        watcher = loop.create_task(_wait_for_disconnect(request))
        watcher.add_done_callback(cancel_run)

    timer = loop.call_later(DISCONNECT_CHECK_DELAY_SECONDS, watch)
    try:
        return await run
    except asyncio.CancelledError:
        if task is None or watcher is None or not watcher.done():
            raise
        # A disconnect is not an error of the server, but uvicorn logs a cancelled request as one.
        task.uncancel()
        raise ClientDisconnect from None
    finally:
        timer.cancel()
        if watcher is not None:
            watcher.cancel()


async def _wait_for_disconnect(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _lines(items: AsyncIterator[StreamItem]) -> AsyncIterator[bytes]:
    async for item in items:
        if item is None:
            yield HEARTBEAT
            continue
        size = answer_size(item) if isinstance(item, RunResult) else 0
        line = await call_off_loop(size, _event_line, item)
        if line is not None:
            yield line


def _event_line(item: Event | RunResult | HeadraceError) -> bytes | None:
    body = _event_json(item)
    return None if body is None else orjson.dumps(body) + b"\n\n"


def _event_json(item: Event | RunResult | HeadraceError) -> dict[str, Any] | None:
    if isinstance(item, TokenEmitted):
        return {"event": "token", "data": {"chunk": item.chunk, "id": item.message_id}}
    if isinstance(item, MessageEmitted):
        return {"event": "add_message", "data": message_data(item.message)}
    if isinstance(item, RunError) and item.traceback is not None:
        return {"event": "error", "data": {"error": item.message, "traceback": item.traceback}}
    if isinstance(item, HeadraceError):
        return {"event": "error", "data": {"error": item.message}}
    if isinstance(item, RunResult):
        return {"event": "end", "data": {"result": answer_json(item)}}
    return None
