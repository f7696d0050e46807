"""The route `/api/v1/responses`, which Langflow has too: OpenAI's SDK speaks OpenAI's API here, other clients that of Langflow."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, ValidationError

from headrace.api.dependencies import CurrentUser, ServicesDep
from headrace.api.http.openai_dialect import LANGFLOW_PREFIX, speaks_openai
from headrace.api.http.request_body import StrictJSONRoute
from headrace.api.routers.openai.responses import answer_response
from headrace.api.routers.openai.runs import RUN_RESPONSES, event_stream, json_response, pieces_of, variables_of
from headrace.api.routers.run import cancel_on_disconnect
from headrace.api.schemas.bounds import BoundedList, JsonObject, ShortList
from headrace.errors import HeadraceError
from headrace.formats.openai.errors import envelope
from headrace.formats.openai.langflow_response import PROCESSING_ERROR, LangflowResponse
from headrace.formats.openai.outcome import outcome_of
from headrace.formats.openai.response_request import ResponseRequest
from headrace.runs.answer_size import answer_size
from headrace.runs.errors import FlowNotFoundError
from headrace.runs.request import RunRequest

router = APIRouter(prefix=LANGFLOW_PREFIX, tags=["OpenAI API"], route_class=StrictJSONRoute)

#: The value in `include` that requests the results of tool calls.
TOOL_RESULTS = "tool_call.results"


class LangflowResponseRequest(BaseModel):
    """A request to run a flow and return its output as a response."""

    model: str = Field(max_length=1024, description="The flow's id or endpoint name.")
    input: str | BoundedList[JsonObject] = Field(
        description="A text, or messages, of which the last user message is used."
    )
    stream: bool | None = Field(default=False, description="Whether to return the response as a stream of events.")
    background: bool | None = Field(
        default=False, description="For OpenAI's SDK. Other clients get the response at once, as from Langflow."
    )
    tools: BoundedList[Any] | None = Field(
        default=None, description="For OpenAI's SDK. For other clients, a flow brings its own tools."
    )
    previous_response_id: Annotated[str, Field(max_length=1024)] | None = Field(
        default=None, description="The id of the response that this request continues."
    )
    include: ShortList[str] | None = Field(
        default=None, description=f"Additional content: `{TOOL_RESULTS}` adds the results of tool calls."
    )

    @property
    def text(self) -> str:
        """The text of the last user message, or of the last message without one."""
        if isinstance(self.input, str):
            return self.input
        candidates = [m for m in self.input if m.get("role", "user") == "user"] or self.input
        content = candidates[-1].get("content") if candidates else None
        if isinstance(content, list):
            return "\n".join(str(p["text"]) for p in content if isinstance(p, dict) and p.get("text"))
        return content if isinstance(content, str) else ""


@router.post("/responses", response_model=dict[str, Any], responses=RUN_RESPONSES)
async def create_langflow_response(
    body: LangflowResponseRequest, request: Request, caller: CurrentUser, server: ServicesDep
) -> Response:
    """Run a flow and return its output as a response: OpenAI's SDK gets the same as from `/v1/responses`, other clients the same as from Langflow."""
    if speaks_openai(request.scope):
        return await answer_response(await _parse_openai(request), request, caller.id, server)
    if body.tools:
        return JSONResponse(
            envelope(
                "Tools are not supported. Add the tools to the flow, and omit `tools`.", code="tools_not_supported"
            )
        )
    try:
        flow = await server.resolver.resolve(caller.id, body.model)
    except FlowNotFoundError:
        return JSONResponse(envelope(f"Flow with id '{body.model}' not found", code="flow_not_found"))
    response = LangflowResponse(body.previous_response_id or str(uuid4()), body.model, body.previous_response_id)
    run_request = RunRequest(
        input_value=body.text,
        session_id=response.id,
        variables=variables_of(request.headers),
        stream=bool(body.stream),
        record_id=uuid4(),
    )
    with_results = TOOL_RESULTS in (body.include or [])
    if body.stream:
        server.runner.check_capacity()
        pieces = pieces_of(server, caller.id, flow, run_request)
        return event_stream(response.chunks(pieces, with_results=with_results))
    try:
        result = await cancel_on_disconnect(request, server.runner.run(caller.id, flow, run_request))
    except HeadraceError as error:
        return JSONResponse(envelope(error.message, code=PROCESSING_ERROR))
    return await json_response(
        lambda: server.runner.open_budget(caller.id),
        answer_size(result),
        lambda: response.body(outcome_of(result), with_results=with_results),
    )


async def _parse_openai(request: Request) -> ResponseRequest:
    try:
        return ResponseRequest.model_validate(await request.json())
    except ValidationError as error:
        problems = [{**problem, "loc": ("body", *problem["loc"])} for problem in error.errors(include_url=False)]
        raise RequestValidationError(problems) from error
