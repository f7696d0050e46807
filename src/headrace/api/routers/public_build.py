"""Routes for builds of public flows by anonymous visitors.

The cookie `client_id` identifies a visitor. A visitor controls only the chat input: the build runs the stored flow in a
session that belongs to the visitor, and only the visitor can follow or cancel it.
"""

from __future__ import annotations

from typing import Annotated, Any
from uuid import NAMESPACE_URL, UUID, uuid5

from fastapi import APIRouter, Cookie, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from headrace.api.dependencies import ServicesDep
from headrace.api.http.client_address import client_address
from headrace.api.http.event_stream import EVENTS_TYPE
from headrace.api.http.request_body import StrictJSONRoute
from headrace.api.routers.build import (
    BuildCancelled,
    BuildInput,
    BuildStarted,
    EventDelivery,
    build_events_response,
    events_response,
    stream_until_disconnect,
    to_run_request,
)
from headrace.api.schemas.bounds import Identifier
from headrace.errors import BadRequestError
from headrace.graph.plan import subplan
from headrace.limits.account import Account, current_account
from headrace.runs.flow_resolver import RunnableFlow

router = APIRouter(prefix="/api/v1/build_public_tmp", tags=["Public flows"], route_class=StrictJSONRoute)

#: The maximum length of a visitor's chat input, in characters.
MAX_INPUT_CHARACTERS = 100_000

ClientId = Annotated[
    str | None, Cookie(max_length=200, description="Identifies the visitor: a random text that nobody else knows.")
]

_MISSING: dict[int | str, dict[str, Any]] = {404: {"description": "The visitor has no build with this id"}}


class PublicBuildInput(BuildInput):
    """The input of a build of a public flow, and its session."""

    components: Annotated[list[Identifier], Field(max_length=100, fail_fast=True)] | None = None
    input_value: Annotated[str, Field(max_length=MAX_INPUT_CHARACTERS)] | None = None


class PublicBuildBody(BaseModel):
    """A build of the stored flow. Other fields of the body, such as `data` and `files`, are ignored."""

    inputs: PublicBuildInput | None = None


def _visitor(client_id: str | None) -> str:
    if not client_id:
        raise BadRequestError("No client_id cookie found. Send one with a random value, which identifies the visitor.")
    return f"visitor:{client_id}"


@router.post(
    "/{flow_id}/flow",
    response_model=BuildStarted,
    responses={
        403: {"description": "No public flow has this id"},
        429: {"description": "The visitor sends too many requests, or the server is at its limit of concurrent runs"},
    },
)
async def start_public_build(
    flow_id: UUID,
    request: Request,
    server: ServicesDep,
    body: PublicBuildBody | None = None,
    client_id: ClientId = None,
    stop_component_id: Identifier | None = None,
    start_component_id: Identifier | None = None,
    flow_name: Annotated[str | None, Query(description="Accepted for compatibility, and ignored.")] = None,
    *,
    log_builds: Annotated[bool | None, Query(description="Ignored: builds of visitors are not stored.")] = True,
    event_delivery: EventDelivery = EventDelivery.POLLING,
) -> Response:
    """Start a build of a public flow as it is stored. `data` and `files` are ignored."""
    visitor = _visitor(client_id)
    address = client_address(request.scope)
    server.public_rate.acquire(address)
    row = await server.flows.get_public_flow(flow_id)
    # Not by the cookie: one visitor can send many.
    current_account.set(Account(str(row["user_id"]), address))
    build_input = body.inputs if body and body.inputs else PublicBuildInput()
    target = await server.resolver.resolve(row["user_id"], str(flow_id))
    plan = subplan(target.plan, start=start_component_id, stop=stop_component_id)
    build = await server.builds.start(
        row["user_id"],
        RunnableFlow(flow_id, plan),
        to_run_request(
            build_input, session_id=_session(visitor, flow_id, build_input), origin="public", visitor=address
        ),
        subscriber=visitor,
        keep=False,
    )
    if event_delivery is EventDelivery.DIRECT:
        return events_response(stream_until_disconnect(build))
    return JSONResponse({"job_id": str(build.id)})


def _session(visitor: str, flow_id: UUID, build_input: PublicBuildInput) -> str:
    """Return a session id that depends on the visitor, the flow and the session that the input names."""
    namespace = uuid5(NAMESPACE_URL, f"{visitor}/{flow_id}")
    return f"public-{uuid5(namespace, build_input.session or '')}"


@router.get(
    "/{job_id}/events",
    responses={
        **_MISSING,
        200: {"content": {EVENTS_TYPE: {}}, "description": "The build's events"},
        429: {"description": "The visitor follows too many builds"},
    },
    response_class=Response,
)
async def public_build_events(
    job_id: str,
    request: Request,
    server: ServicesDep,
    client_id: ClientId = None,
    event_delivery: EventDelivery = EventDelivery.STREAMING,
    offset: Annotated[
        int | None, Query(ge=0, le=10**9, description="The number of events that the client has already read.")
    ] = None,
) -> Response:
    """Return the events of a build that this visitor started."""
    return await build_events_response(
        server.builds, _visitor(client_id), job_id, event_delivery, offset, client_address(request.scope)
    )


@router.post("/{job_id}/cancel", responses=_MISSING)
async def cancel_public_build(job_id: str, server: ServicesDep, client_id: ClientId = None) -> BuildCancelled:
    """Cancel a build that this visitor started."""
    await (await server.builds.get(_visitor(client_id), job_id)).cancel()
    return BuildCancelled(success=True, message="Flow build cancelled successfully")
