"""Chat completions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Request, Response

from headrace.api.dependencies import CurrentUser, Services, ServicesDep
from headrace.api.routers.openai.runs import RUN_RESPONSES, event_stream, json_response, pieces_of, variables_of
from headrace.api.routers.run import cancel_on_disconnect
from headrace.formats.openai.chat_request import ChatRequest
from headrace.formats.openai.completion import Completion
from headrace.formats.openai.errors import ModelNotFoundError
from headrace.formats.openai.flow_input import FlowInput
from headrace.formats.openai.outcome import Outcome, outcome_of
from headrace.runs.answer_size import answer_size
from headrace.runs.errors import FlowNotFoundError
from headrace.runs.flow_resolver import RunnableFlow
from headrace.runs.request import RunRequest
from headrace.services.openai_options import checked_options, client_errors


async def create_completion(body: ChatRequest, request: Request, caller: CurrentUser, server: ServicesDep) -> Response:
    """Run a flow and return its output as a chat completion. `metadata.session_id` names the session of the run."""
    body.check()
    try:
        flow = await server.resolver.resolve(caller.id, body.model)
    except FlowNotFoundError as error:
        raise ModelNotFoundError(body.model) from error
    flow_input = await _flow_input(server, caller.id, body)
    run_request = RunRequest(variables=variables_of(request.headers), stream=bool(body.stream))
    run_request = checked_options(flow.plan, run_request, flow_input)
    run_requests = [replace(run_request, session_id=body.session_id or str(uuid4())) for _ in range(body.choices)]
    completion = Completion(body.model)
    if body.stream:
        server.runner.check_capacity()
        runs = [pieces_of(server, caller.id, flow, run_request, flow_input) for run_request in run_requests]
        return event_stream(completion.chunks(runs, include_usage=body.includes_usage))
    run_all = _run_all(server, caller.id, flow, flow_input, run_requests)
    outcomes, size = await cancel_on_disconnect(request, run_all)
    return await json_response(lambda: server.runner.open_budget(caller.id), size, lambda: completion.body(outcomes))


async def _flow_input(server: Services, owner: UUID, body: ChatRequest) -> FlowInput:
    return body.flow_input(await server.openai_files.request_paths(owner, list(body.file_ids()), "messages"))


async def _run_all(
    server: Services, owner: UUID, flow: RunnableFlow, flow_input: FlowInput, run_requests: list[RunRequest]
) -> tuple[list[Outcome], int]:
    """Return the outcomes of the runs, and about the size of their JSON."""
    outcomes: list[Outcome] = []
    total = 0
    # The answers of all runs are in memory until the last run has ended.
    with client_errors(flow_input), server.runner.open_budget(owner) as budget:
        for run_request in run_requests:
            result = await server.runner.run(owner, flow, run_request)
            if len(run_requests) > 1:
                budget.hold_response(answer_size(result), "The answers of the flow")
            outcomes.append(outcome_of(result))
            total += answer_size(result)
    return outcomes, total


def register(router: APIRouter) -> None:
    """Add the routes of chat completions to a router."""
    router.post("/chat/completions", response_model=dict[str, Any], responses=RUN_RESPONSES)(create_completion)
