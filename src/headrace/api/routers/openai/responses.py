"""Responses: create, retrieve, cancel and delete them."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from headrace.api.dependencies import CurrentUser, Services, ServicesDep
from headrace.api.routers.openai.paging import Paging
from headrace.api.routers.openai.runs import (
    RUN_RESPONSES,
    event_stream,
    json_response,
    pieces_of,
    stored_response,
    variables_of,
)
from headrace.api.routers.run import cancel_on_disconnect
from headrace.formats.openai.outcome import outcome_of
from headrace.formats.openai.pages import page_of
from headrace.formats.openai.parameters import RETRIEVAL_PARAMETERS, check_parameters
from headrace.formats.openai.response_request import ResponseRequest
from headrace.runs.answer_size import answer_size
from headrace.services.openai_options import client_errors
from headrace.services.responses import PreparedResponse

_NOT_FOUND: dict[int | str, dict[str, Any]] = {404: {"description": "The caller has no response with this id"}}


async def create_response(
    body: ResponseRequest, request: Request, caller: CurrentUser, server: ServicesDep
) -> Response:
    """Run a flow and return its output as a response.

    `previous_response_id` and `conversation` continue a conversation. A header `X-LANGFLOW-GLOBAL-VAR-NAME` sets the
    variable `NAME` for this run.
    """
    return await answer_response(body, request, caller.id, server)


async def answer_response(body: ResponseRequest, request: Request, owner: UUID, server: Services) -> Response:
    """Return the response to a request."""
    prepared = await server.responses.prepare(owner, body, variables_of(request.headers))
    if body.background:
        return JSONResponse(await server.responses.enqueue(prepared))
    if body.stream:
        server.runner.check_capacity()
        pieces = pieces_of(server, owner, prepared.flow, prepared.run_request, prepared.flow_input)

        async def save(response: dict[str, Any]) -> dict[str, Any]:
            return await server.responses.save(prepared, response)

        return event_stream(prepared.response.events(pieces, save))
    answer, size = await cancel_on_disconnect(request, _run(server, prepared))
    return await json_response(lambda: server.runner.open_budget(owner), size, lambda: answer)


async def _run(server: Services, prepared: PreparedResponse) -> tuple[dict[str, Any], int]:
    """Return the response, and about the size of its JSON."""
    with client_errors(prepared.flow_input):
        result = await server.runner.run(prepared.owner, prepared.flow, prepared.run_request)
    answer = await server.responses.save(prepared, prepared.response.completed(outcome_of(result)))
    return answer, answer_size(result)


async def get_response(
    response_id: str,
    caller: CurrentUser,
    server: ServicesDep,
    request: Request,
    include: Annotated[list[str] | None, Query(max_length=100)] = None,
    *,
    stream: bool = False,
    starting_after: Annotated[str | None, Query(max_length=100)] = None,
    include_obfuscation: bool = False,
) -> Response:
    """Return a stored response. Its input is listed separately."""
    values = {
        "include": include,
        "stream": stream,
        "starting_after": starting_after,
        "include_obfuscation": include_obfuscation,
    }
    unknown = {name: None for name in request.query_params if name not in values}
    check_parameters({**values, **unknown}, RETRIEVAL_PARAMETERS)
    return await stored_response(server, caller.id, await server.responses.get(caller.id, response_id))


async def delete_response(response_id: str, caller: CurrentUser, server: ServicesDep) -> dict[str, Any]:
    """Delete a stored response. A background response that has not ended is stopped."""
    await server.responses.delete(caller.id, response_id)
    return {"id": response_id, "object": "response", "deleted": True}


async def cancel_response(response_id: str, caller: CurrentUser, server: ServicesDep) -> Response:
    """Stop a background response and return it."""
    return await stored_response(server, caller.id, await server.responses.cancel(caller.id, response_id))


async def list_input_items(response_id: str, caller: CurrentUser, server: ServicesDep, paging: Paging) -> Response:
    """List the input items of a stored response, newest first."""
    items = await server.responses.input_items(caller.id, response_id)
    return await stored_response(server, caller.id, page_of(items, paging))


def register(router: APIRouter) -> None:
    """Add the routes of responses to a router."""
    router.post("/responses", response_model=dict[str, Any], responses=RUN_RESPONSES)(create_response)
    router.get("/responses/{response_id}", response_model=dict[str, Any], responses=_NOT_FOUND)(get_response)
    router.delete("/responses/{response_id}", responses=_NOT_FOUND)(delete_response)
    router.post("/responses/{response_id}/cancel", response_model=dict[str, Any], responses=_NOT_FOUND)(cancel_response)
    router.get("/responses/{response_id}/input_items", response_model=dict[str, Any], responses=_NOT_FOUND)(
        list_input_items
    )
