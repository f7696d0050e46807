"""Flows as OpenAI's models: responses, chat completions, the list of models."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, Field

from headrace.api.errors import run_error_status
from headrace.api.json_body import StrictRoute
from headrace.api.run import while_listening
from headrace.api.state import CallerNow, Server
from headrace.errors import HeadraceError
from headrace.runs.openai_wire import Completion, error_body, spoken, text_of
from headrace.runs.openai_wire import Response as RunResponse
from headrace.runs.request import RunRequest
from headrace.runs.runner import FlowNotFoundError
from headrace.runs.tool_uses import tool_uses_of
from headrace.store import flows
from headrace.store.flows import FlowFilter

router = APIRouter(prefix="/api/v1", tags=["OpenAI API"], route_class=StrictRoute)

#: A header that begins so sets a variable for one run.
VARIABLE_HEADER = "x-langflow-global-var-"

#: In `include`, asks for what tools gave.
TOOL_RESULTS = "tool_call.results"

_STREAM: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {}}, "description": "The answer, or with `stream` its events"},
    404: {"description": "The caller has no such flow; for OpenAI's SDK"},
    429: {"description": "Too many runs are under way"},
    500: {"description": "A component failed; for OpenAI's SDK"},
    504: {"description": "The run took too long; for OpenAI's SDK"},
}


class Part(BaseModel):
    """A piece of what was said."""

    type: str
    text: str | None = None


class Said(BaseModel):
    """What somebody said."""

    role: str = "user"
    content: str | list[Part] | None = None

    @property
    def text(self) -> str:
        """The text of it."""
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content if part.text)
        return self.content or ""


class ResponseRequest(BaseModel):
    """A question to a flow. `model` is its id or endpoint name."""

    model: Annotated[str, Field(max_length=1024)]
    input: str | list[Said]
    stream: bool = False
    background: bool = False
    tools: list[Any] | None = None
    previous_response_id: Annotated[str, Field(max_length=1024)] | None = None
    include: list[str] | None = None


class CompletionRequest(BaseModel):
    """A conversation with a flow; its last message is what is said to it."""

    model: Annotated[str, Field(max_length=1024)]
    messages: Annotated[list[Said], Field(min_length=1)]
    stream: bool = False
    metadata: dict[str, Any] | None = None


class Model(BaseModel):
    """A flow as a model."""

    id: str
    object: str = "model"
    created: int
    owned_by: str = "headrace"


class Models(BaseModel):
    """The caller's flows as models."""

    object: str = "list"
    data: list[Model]


def _last(said: str | list[Said]) -> str:
    if isinstance(said, str):
        return said
    asked = [s for s in said if s.role == "user"] or said
    return asked[-1].text if asked else ""


def _variables(headers: Mapping[str, str]) -> dict[str, str]:
    return {n[len(VARIABLE_HEADER) :].upper(): v for n, v in headers.items() if n.startswith(VARIABLE_HEADER)}


def _is_sdk(request: Request) -> bool:
    return "x-stainless-lang" in request.headers


def _failed(request: Request, error: HeadraceError, code: str, message: str | None = None) -> Response:
    """Return an error in OpenAI's form; as recorded with 200, but for the SDK, which goes by the status."""
    status = run_error_status(error) if _is_sdk(request) else 200
    return JSONResponse(error_body(message or error.message, code), status)


def _stream(lines: AsyncIterator[bytes]) -> Response:
    return StreamingResponse(lines, media_type="text/event-stream", headers={"cache-control": "no-cache"})


@router.post("/responses", response_model=dict[str, Any], responses=_STREAM)
async def create_response(body: ResponseRequest, request: Request, caller: CallerNow, server: Server) -> Response:
    """Ask a flow. `previous_response_id` goes on with a conversation; headers `X-LANGFLOW-GLOBAL-VAR-NAME` set variables."""
    if body.tools:
        return JSONResponse(error_body("Tools are not supported: give the flow its own.", "tools_not_supported"))
    try:
        target = await server.runner.target(caller.id, body.model)
    except FlowNotFoundError as error:
        return _failed(request, error, "flow_not_found", f"Flow with id '{body.model}' not found")
    told = RunResponse(body.previous_response_id or str(uuid4()), body.model, body.previous_response_id)
    wanted = RunRequest(
        input_value=_last(body.input),
        session_id=told.id,
        variables=_variables(request.headers),
        stream=body.stream,
        keep_as=uuid4(),
    )
    with_results = TOOL_RESULTS in (body.include or [])
    if body.stream:
        server.runner.check_room()
        pieces = spoken(server.runner, caller.id, target, wanted)
        return _stream(told.events(pieces) if _is_sdk(request) else told.chunks(pieces, with_results=with_results))
    try:
        answer = await while_listening(request, server.runner.run(caller.id, target, wanted))
    except HeadraceError as error:
        return _failed(request, error, "processing_error")
    uses = tool_uses_of(answer)
    return JSONResponse(told.whole(text_of(answer), uses, sdk=_is_sdk(request), with_results=with_results))


@router.post("/chat/completions", response_model=dict[str, Any], responses=_STREAM)
async def create_completion(body: CompletionRequest, request: Request, caller: CallerNow, server: Server) -> Response:
    """Ask a flow, for tools that speak only this. The session is `metadata.session_id`, by default a new one each time."""
    try:
        target = await server.runner.target(caller.id, body.model)
    except FlowNotFoundError as error:
        message = f"The model '{body.model}' does not exist: no flow of yours has this id or endpoint name."
        return JSONResponse(error_body(message, "model_not_found"), run_error_status(error))
    session = (body.metadata or {}).get("session_id")
    wanted = RunRequest(
        input_value=_last(body.messages),
        session_id=session if isinstance(session, str) and session else str(uuid4()),
        variables=_variables(request.headers),
        stream=body.stream,
    )
    told = Completion(body.model)
    if body.stream:
        server.runner.check_room()
        return _stream(told.chunks(spoken(server.runner, caller.id, target, wanted)))
    try:
        answer = await while_listening(request, server.runner.run(caller.id, target, wanted))
    except HeadraceError as error:
        return JSONResponse(error_body(error.message, "processing_error"), run_error_status(error))
    return JSONResponse(told.body(text_of(answer)))


@router.get("/models")
async def list_models(caller: CallerNow, server: Server) -> Models:
    """List the caller's flows as models, under their endpoint names or ids."""
    async with server.store.reading() as connection:
        rows = await flows.many(connection, caller.id, FlowFilter(is_component=False))
    return Models(
        data=[Model(id=r["endpoint_name"] or str(r["id"]), created=int(r["created_at"].timestamp())) for r in rows]
    )
