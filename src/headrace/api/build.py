"""Builds: runs of the caller's flows that an editor watches."""

from __future__ import annotations

from collections.abc import AsyncIterator
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from headrace.api.json_body import StrictRoute
from headrace.api.state import CallerNow, Server
from headrace.graph.plan import part_of
from headrace.runs.builds import Build, Builds
from headrace.runs.request import InputType, Origin, RunRequest
from headrace.runs.runner import Target

router = APIRouter(prefix="/api/v1/build", tags=["Builds"], route_class=StrictRoute)

#: Lines of JSON with an empty line after each.
EVENTS_TYPE = "application/x-ndjson"
#: A poll that finds nothing new waits so long for it, seconds.
PATIENCE = 0.5

_MISSING: dict[int | str, dict[str, Any]] = {404: {"description": "The caller has no such flow or build"}}
_EVENTS: dict[int | str, dict[str, Any]] = {
    **_MISSING,
    200: {"content": {EVENTS_TYPE: {}}, "description": "Events, each a line of JSON with an empty line after it"},
}


class EventDelivery(StrEnum):
    """How events come: as they happen on a connection of their own, by asking, or in the answer that starts the build."""

    STREAMING = "streaming"
    POLLING = "polling"
    DIRECT = "direct"


class Drawing(BaseModel):
    """A flow's nodes and edges, as an editor holds them."""

    nodes: list[dict[str, Any]]
    edges: list[dict[str, Any]]
    viewport: dict[str, Any] | None = None


class BuildInput(BaseModel):
    """What is said to the flow, and in which session."""

    model_config = ConfigDict(extra="forbid")

    components: list[str] | None = None
    input_value: str | None = None
    session: Annotated[str, Field(max_length=1024)] | None = None
    type: InputType | None = "any"
    client_request_time: int | None = None


class BuildBody(BaseModel):
    """A build: of the stored flow, or of the draft in `data`."""

    inputs: BuildInput | None = None
    data: Drawing | None = None
    files: Annotated[list[str], Field(max_length=100)] | None = None


class Started(BaseModel):
    """The build's id, by which it is watched and cancelled."""

    job_id: UUID


class Cancelled(BaseModel):
    """Whether a build has stopped."""

    success: bool
    message: str


def request_of(body: BuildBody, *, session_id: str | None = None, origin: Origin = "editor") -> RunRequest:
    """Return what a build asks of a run, in the session that the body names unless another is given."""
    given = body.inputs or BuildInput()
    return RunRequest(
        input_value=given.input_value,
        input_type="chat" if given.type in {None, "any"} else given.type or "chat",
        input_components=tuple(given.components or ()),
        output_type="any",
        session_id=session_id or given.session or None,
        files=tuple(body.files or ()),
        stream=True,
        origin=origin,
    )


@router.post(
    "/{flow_id}/flow",
    response_model=Started,
    responses={**_MISSING, 429: {"description": "Too many runs are under way"}},
)
async def start_build(
    flow_id: UUID,
    caller: CallerNow,
    server: Server,
    body: BuildBody | None = None,
    stop_component_id: str | None = None,
    start_component_id: str | None = None,
    flow_name: Annotated[str | None, Query(description="For an editor's own use.")] = None,
    *,
    log_builds: bool = True,
    event_delivery: EventDelivery = EventDelivery.POLLING,
) -> Response:
    """Begin a build of a flow, or of a draft of it. Nothing of a draft's code is run."""
    asked = body or BuildBody()
    target = await server.runner.target(caller.id, str(flow_id))
    if asked.data is not None:
        target = Target(flow_id, await server.runner.planned(caller.id, asked.data.model_dump()))
    plan = part_of(target.plan, start=start_component_id, stop=stop_component_id)
    build = await server.builds.start(
        caller.id, Target(flow_id, plan), request_of(asked), watcher=str(caller.id), keep=log_builds
    )
    if event_delivery is EventDelivery.DIRECT:
        return events_response(attached(build))
    return JSONResponse({"job_id": str(build.id)})


@router.get("/{job_id}/events", responses=_EVENTS, response_class=Response)
async def build_events(
    job_id: str,
    caller: CallerNow,
    server: Server,
    event_delivery: EventDelivery = EventDelivery.STREAMING,
    offset: Annotated[int | None, Query(ge=0, le=10**9, description="How many events were read already.")] = None,
) -> Response:
    """Return a build's events: as they happen, or with `event_delivery=polling` those that came since the last call."""
    return await events_of(server.builds, str(caller.id), job_id, event_delivery, offset)


@router.post("/{job_id}/cancel", responses=_MISSING)
async def cancel_build(job_id: str, caller: CallerNow, server: Server) -> Cancelled:
    """Stop a build; its last event says so."""
    await (await server.builds.of(str(caller.id), job_id)).cancel()
    return Cancelled(success=True, message="Flow build cancelled successfully")


async def events_of(builds: Builds, watcher: str, job_id: str, delivery: EventDelivery, offset: int | None) -> Response:
    """Return a build's events to whoever began it, as they ask for them."""
    if delivery is EventDelivery.POLLING:
        return Response(b"".join(await builds.poll(watcher, job_id, offset, PATIENCE)), media_type=EVENTS_TYPE)
    build = await builds.of(watcher, job_id)
    return events_response(build.follow(offset or 0))


def events_response(lines: AsyncIterator[bytes]) -> Response:
    """Return lines of events as they come."""
    return StreamingResponse(lines, media_type=EVENTS_TYPE, headers={"cache-control": "no-cache"})


async def attached(build: Build) -> AsyncIterator[bytes]:
    """Yield a build's events; whoever started it and leaves, ends it."""
    try:
        async for line in build.follow(0):
            yield line
    finally:
        await build.cancel()
