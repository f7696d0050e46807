"""Run a flow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from headrace.api.errors import BadRequestError
from headrace.api.json_body import StrictRoute
from headrace.api.state import caller_of, state_of
from headrace.errors import HeadraceError
from headrace.graph.events import Event, MessageAdded, Token
from headrace.runs.openai_wire import HEARTBEAT
from headrace.runs.request import InputType, OutputType, RunRequest
from headrace.runs.runner import Runner, Target
from headrace.runs.wire import message_data

router = APIRouter(prefix="/api/v1", tags=["Run"], route_class=StrictRoute)

#: A run is watched for its caller's leaving only from here on; most are done by then. Seconds.
PATIENCE = 0.05


class RunBody(BaseModel):
    """What goes into a run, and what is wanted out of it."""

    input_value: str | None = Field(default=None, description="What is said to the flow.")
    input_type: InputType | None = Field(default="chat", description="Which inputs it goes to.")
    output_type: OutputType | None = Field(
        default="chat", description="Which outputs are wanted; debug for all vertices."
    )
    output_component: str | None = Field(
        default="", description="The id or name of the one component whose output is wanted."
    )
    tweaks: dict[str, Any] | None = Field(
        default=None, description="Field values for this run, by node id, component type or display name."
    )
    session_id: str | None = Field(
        default=None, max_length=1024, description="The conversation; by default the flow's own."
    )


class RunInput(BaseModel):
    """One input, and which of the flow's inputs it goes to."""

    components: Annotated[list[str], Field(max_length=1000)] | None = Field(
        default=None, description="Ids or display names; by default every input of the type."
    )
    input_value: str | None = None
    session: str | None = Field(default=None, max_length=1024)
    type: InputType | None = "any"
    client_request_time: int | None = None


class AdvancedRunBody(BaseModel):
    """What goes into several runs of one session, and what is wanted out of them."""

    inputs: Annotated[list[RunInput], Field(max_length=100)] | None = None
    outputs: Annotated[list[str], Field(max_length=1000)] | None = Field(
        default=None, description="Ids or display names of the components whose output is wanted."
    )
    tweaks: dict[str, Any] | None = None
    session_id: str | None = Field(default=None, max_length=1024)
    stream: bool = False


class RunAnswer(BaseModel):
    """A run's answer."""

    session_id: str
    outputs: list[dict[str, Any]]


_RESPONSES: dict[int | str, dict[str, Any]] = {
    400: {"description": "The flow cannot be run as it is drawn, or the request contradicts itself"},
    404: {"description": "The caller has no such flow"},
    429: {"description": "Too many runs are under way; `Retry-After` says when to try again"},
    500: {"description": "A component failed; `detail` is a JSON text whose `message` names it and the cause"},
    504: {"description": "The run took too long"},
}


@router.post("/run/{flow_id_or_name}", response_model=RunAnswer, responses=_RESPONSES)
async def run_flow(
    flow_id_or_name: str, request: Request, body: RunBody | None = None, *, stream: bool = False
) -> Response:
    """Run a flow by its id or endpoint name. With `stream=true`, events as they happen, each a line of JSON and an empty line."""
    runner, caller = state_of(request).runner, caller_of(request)
    asked = body or RunBody()
    target = await runner.target(caller.id, flow_id_or_name)
    wanted = RunRequest(
        input_value=asked.input_value,
        input_type=asked.input_type or "chat",
        output_type=asked.output_type or "chat",
        output_components=(asked.output_component,) if asked.output_component else (),
        session_id=asked.session_id or None,
        tweaks=asked.tweaks or {},
        stream=stream,
    )
    if stream:
        return _streamed(runner, caller.id, target, wanted)
    answer = await while_listening(request, runner.run(caller.id, target, wanted))
    return Response(orjson.dumps(answer), media_type="application/json")


@router.post("/run/advanced/{flow_id_or_name}", response_model=RunAnswer, responses=_RESPONSES)
async def run_flow_advanced(flow_id_or_name: str, request: Request, body: AdvancedRunBody | None = None) -> Response:
    """Run a flow once for each input, one after the other, in one session, and return an answer for each."""
    runner, caller = state_of(request).runner, caller_of(request)
    asked = body or AdvancedRunBody()
    target = await runner.target(caller.id, flow_id_or_name)
    inputs = asked.inputs or [RunInput(type="chat")]
    session_id = asked.session_id or next((i.session for i in inputs if i.session), None)
    runs = [
        RunRequest(
            input_value=given.input_value,
            input_type=given.type or "any",
            input_components=tuple(given.components or ()),
            output_type="any",
            output_components=tuple(asked.outputs or ()),
            session_id=session_id,
            tweaks=asked.tweaks or {},
            stream=asked.stream,
        )
        for given in inputs
    ]
    if asked.stream:
        if len(runs) > 1:
            raise BadRequestError("A stream is of one run. Send one input, or leave stream out.")
        return _streamed(runner, caller.id, target, runs[0])

    async def each() -> dict[str, Any]:
        answers = [await runner.run(caller.id, target, wanted) for wanted in runs]
        return {**answers[0], "outputs": [output for answer in answers for output in answer["outputs"]]}

    return Response(orjson.dumps(await while_listening(request, each())), media_type="application/json")


def _streamed(runner: Runner, owner: UUID, target: Target, wanted: RunRequest) -> Response:
    runner.check_room()
    return StreamingResponse(
        _lines(runner, owner, target, wanted), media_type="text/event-stream", headers={"cache-control": "no-cache"}
    )


async def while_listening(request: Request, run: Coroutine[Any, Any, dict[str, Any]]) -> dict[str, Any]:
    """Return a run's answer; a caller who hangs up cancels the run."""
    task = asyncio.create_task(run)
    try:
        await asyncio.wait({task}, timeout=PATIENCE)
        if task.done():
            return task.result()
        leaving = asyncio.create_task(_left(request))
        try:
            await asyncio.wait({task, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
        if not task.done():
            raise asyncio.CancelledError
        return task.result()
    finally:
        if not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _lines(runner: Runner, owner: Any, target: Target, wanted: RunRequest) -> AsyncIterator[bytes]:
    async for item in runner.stream(owner, target, wanted):
        if item is None:
            yield HEARTBEAT
            continue
        line = _line(item)
        if line is not None:
            yield orjson.dumps(line) + b"\n\n"


def _line(item: Event | dict[str, Any] | HeadraceError) -> dict[str, Any] | None:
    if isinstance(item, Token):
        return {"event": "token", "data": {"chunk": item.chunk, "id": item.message_id}}
    if isinstance(item, MessageAdded):
        return {"event": "add_message", "data": message_data(item.message)}
    if isinstance(item, HeadraceError):
        return {"event": "error", "data": {"error": item.message}}
    if isinstance(item, dict):
        return {"event": "end", "data": {"result": item}}
    return None
