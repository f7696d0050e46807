"""Routes for builds: runs of the caller's flows that an editor follows event by event."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, Field

from headrace.api.dependencies import CurrentUser, ServicesDep
from headrace.api.http.event_stream import EVENTS_TYPE, EventStreamResponse
from headrace.api.http.request_body import StrictJSONRoute
from headrace.api.schemas.bounds import BoundedList, ClosedModel, JsonObject, ShortList
from headrace.builds.build import Build
from headrace.builds.builds import Builds
from headrace.graph.plan import subplan
from headrace.limits.account import Account
from headrace.runs.flow_resolver import RunnableFlow
from headrace.runs.request import InputType, Origin, RunRequest

router = APIRouter(prefix="/api/v1/build", tags=["Builds"], route_class=StrictJSONRoute)

#: How long a poll waits for new events, in seconds.
POLL_WAIT_SECONDS = 0.5

_MISSING: dict[int | str, dict[str, Any]] = {404: {"description": "The caller has no such flow or build"}}
_EVENTS: dict[int | str, dict[str, Any]] = {
    **_MISSING,
    429: {"description": "The caller follows too many builds"},
    200: {"content": {EVENTS_TYPE: {}}, "description": "Events, each a JSON line with an empty line after it"},
}


class EventDelivery(StrEnum):
    """How a client receives events: as a stream, by polling, or in the response to the request that starts the build."""

    STREAMING = "streaming"
    POLLING = "polling"
    DIRECT = "direct"


#: Paths of files.
FileList = Annotated[list[str], Field(max_length=100, fail_fast=True)]


class FlowData(BaseModel):
    """The nodes and edges of a draft."""

    nodes: BoundedList[JsonObject]
    edges: BoundedList[JsonObject]
    viewport: JsonObject | None = None


class BuildInput(ClosedModel):
    """The input of a build, and its session."""

    components: ShortList[str] | None = None
    input_value: str | None = None
    session: Annotated[str, Field(max_length=1024)] | None = None
    type: InputType | None = "any"
    client_request_time: int | None = None


class BuildBody(BaseModel):
    """A build of the stored flow, or of the draft in `data`."""

    inputs: BuildInput | None = None
    data: FlowData | None = None
    files: FileList | None = None


class BuildStarted(BaseModel):
    """A build that has started."""

    job_id: UUID = Field(description="The build's id, with which a client follows or cancels the build.")


class BuildCancelled(BaseModel):
    """The outcome of a cancellation."""

    success: bool
    message: str


def to_run_request(
    build_input: BuildInput,
    *,
    files: Sequence[str] = (),
    session_id: str | None = None,
    origin: Origin = "editor",
    visitor: str = "",
) -> RunRequest:
    """Return the run request of a build.

    Args:
        build_input: the input.
        files: paths of files for the chat input.
        session_id: the session; by default, the one that the input names.
        origin: the kind of caller.
        visitor: the network address of an anonymous caller.

    """
    return RunRequest(
        input_value=build_input.input_value,
        input_type="chat" if build_input.type in {None, "any"} else build_input.type or "chat",
        input_components=tuple(build_input.components or ()),
        output_type="any",
        session_id=session_id or build_input.session or None,
        files=tuple(files),
        stream=True,
        origin=origin,
        visitor=visitor,
    )


@router.post(
    "/{flow_id}/flow",
    response_model=BuildStarted,
    responses={**_MISSING, 429: {"description": "The server is at its limit of concurrent runs"}},
)
async def start_build(
    flow_id: UUID,
    caller: CurrentUser,
    server: ServicesDep,
    body: BuildBody | None = None,
    stop_component_id: str | None = None,
    start_component_id: str | None = None,
    flow_name: Annotated[str | None, Query(description="Accepted for compatibility, and ignored.")] = None,
    *,
    log_builds: bool = True,
    event_delivery: EventDelivery = EventDelivery.POLLING,
) -> Response:
    """Start a build of a flow, or of a draft of it. Code in a draft runs only if it is already approved."""
    body = body or BuildBody()
    target = await server.resolver.resolve(caller.id, str(flow_id))
    if body.data is not None:
        target = RunnableFlow(flow_id, await server.resolver.compile(caller.id, body.data.model_dump()))
    plan = subplan(target.plan, start=start_component_id, stop=stop_component_id)
    build = await server.builds.start(
        caller.id,
        RunnableFlow(flow_id, plan),
        to_run_request(body.inputs or BuildInput(), files=body.files or ()),
        subscriber=str(caller.id),
        keep=log_builds,
    )
    if event_delivery is EventDelivery.DIRECT:
        return events_response(stream_until_disconnect(build))
    return JSONResponse({"job_id": str(build.id)})


@router.get("/{job_id}/events", responses=_EVENTS, response_class=Response)
async def build_events(
    job_id: str,
    caller: CurrentUser,
    server: ServicesDep,
    event_delivery: EventDelivery = EventDelivery.STREAMING,
    offset: Annotated[
        int | None, Query(ge=0, le=10**9, description="The number of events that the client has already read.")
    ] = None,
) -> Response:
    """Return a build's events as a stream, or with `event_delivery=polling` the events since the previous poll."""
    return await build_events_response(server.builds, str(caller.id), job_id, event_delivery, offset)


@router.post("/{job_id}/cancel", responses=_MISSING)
async def cancel_build(job_id: str, caller: CurrentUser, server: ServicesDep) -> BuildCancelled:
    """Cancel a build. Its last event reports the cancellation."""
    await (await server.builds.get(str(caller.id), job_id)).cancel()
    return BuildCancelled(success=True, message="Flow build cancelled successfully")


async def build_events_response(
    builds: Builds, subscriber: str, job_id: str, delivery: EventDelivery, offset: int | None, visitor: str = ""
) -> Response:
    """Return a build's events to the subscriber who started it, who has the address `visitor` if anonymous."""
    if delivery is EventDelivery.POLLING:
        lines = await builds.poll(subscriber, job_id, offset, POLL_WAIT_SECONDS)
        return Response(b"".join(lines), media_type=EVENTS_TYPE)
    build = await builds.get(subscriber, job_id)
    return EventStreamResponse(build.follow(offset or 0), builds.streams, Account(str(build.owner), visitor))


def events_response(lines: AsyncIterator[bytes]) -> Response:
    """Return a response that streams the lines of events."""
    return StreamingResponse(lines, media_type=EVENTS_TYPE, headers={"cache-control": "no-cache"})


async def stream_until_disconnect(build: Build) -> AsyncIterator[bytes]:
    """Yield the lines of a build's events, and cancel the build if the client disconnects."""
    try:
        async for line in build.follow(0):
            yield line
    finally:
        await build.cancel()
