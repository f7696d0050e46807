"""Answers the function calls of a realtime model with runs of the flow."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from headrace.errors import HeadraceError
from headrace.graph.events import Event, VertexEnded
from headrace.voice.events import PROGRESS, encode

if TYPE_CHECKING:
    from headrace.voice.flow_tool import FlowTool

log = logging.getLogger(__name__)

#: The only argument of the function.
INPUT = "input"
#: Characters of a flow's answer that the model receives.
MAX_ANSWER_CHARACTERS = 60_000
#: Calls of one session that run at the same time. The others wait.
MAX_CONCURRENT_CALLS = 8
#: Calls of one response. The others are ignored.
MAX_CALLS_PER_RESPONSE = 64
#: Responses of a session whose calls are not answered yet.
MAX_RESPONSES = 16


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """A call of a function by a model."""

    call_id: str
    name: str
    arguments: str
    response_id: str


@dataclass(slots=True)
class _Calls:
    """The calls of one response."""

    tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    #: The number of calls that are not answered.
    unanswered: int = 0
    #: Whether the response is complete, so that no further call comes.
    is_complete: bool = False
    is_cancelled: bool = False

    @property
    def are_answered(self) -> bool:
        return self.is_complete and not self.unanswered


class ToolCalls:
    """The function calls of one session. The calls of a response run at the same time; one response follows all of them."""

    def __init__(
        self,
        group: asyncio.TaskGroup,
        tool: FlowTool,
        send_output: Callable[[str, str], Awaitable[None]],
        request_response: Callable[[], Awaitable[None]],
        report: Callable[[bytes], Awaitable[None]],
    ) -> None:
        """Create the calls.

        Args:
            group: owns the tasks of the calls.
            tool: the flow.
            send_output: sends the output of a call, by its id, to the model.
            request_response: requests a response of the model to the outputs.
            report: sends the progress of a run to the client.

        """
        self._group = group
        self._tool = tool
        self._send_output = send_output
        self._request_response = request_response
        self._report = report
        self._responses: dict[str, _Calls] = {}
        self._slots = asyncio.Semaphore(MAX_CONCURRENT_CALLS)

    def start(self, call: FunctionCall) -> None:
        """Run the flow for a call. A call that is known already is ignored: several events of a server contain it."""
        calls = self._responses.get(call.response_id)
        if calls is None:
            calls = self._responses[call.response_id] = _Calls()
        if call.call_id not in calls.tasks and len(calls.tasks) < MAX_CALLS_PER_RESPONSE:
            calls.unanswered += 1
            calls.tasks[call.call_id] = self._group.create_task(self._answer(call, calls), name="voice-call")

    async def complete(self, response_id: str) -> bool:
        """Request the next response once all calls of a complete response are answered; return whether it had calls."""
        calls = self._responses.get(response_id)
        if calls is None:
            return False
        calls.is_complete = True
        await self._finish(response_id)
        while len(self._responses) > MAX_RESPONSES:
            self._cancel(self._responses.pop(next(iter(self._responses))))
        return True

    def cancel(self) -> None:
        """Cancel all calls, because the client cancels the response. The model learns that they were cancelled."""
        for calls in self._responses.values():
            self._cancel(calls)

    def _cancel(self, calls: _Calls) -> None:
        calls.is_cancelled = True
        for task in calls.tasks.values():
            task.cancel()

    async def _answer(self, call: FunctionCall, calls: _Calls) -> None:
        try:
            async with self._slots:
                output = await self._run(call)
        except asyncio.CancelledError:
            if not calls.is_cancelled:
                raise
            output = _error("The user has cancelled the call.")
        await self._send_output(call.call_id, output)
        calls.unanswered -= 1
        await self._finish(call.response_id)

    async def _finish(self, response_id: str) -> None:
        calls = self._responses.get(response_id)
        if calls is None or not calls.are_answered:
            return
        del self._responses[response_id]
        if not calls.is_cancelled:
            await self._request_response()

    async def _run(self, call: FunctionCall) -> str:
        text = _input_of(call, self._tool.name)
        if text is None:
            return _error(f'Call {self._tool.name} with {{"{INPUT}": "the question or task"}}.')
        progress = {"flow_id": str(self._tool.flow_id), "call_id": call.call_id}
        await self._report(encode(PROGRESS, **progress, status="started"))
        try:
            answer = await self._tool.run(text, self._emit_progress(progress))
        except HeadraceError as error:
            await self._report(encode(PROGRESS, **progress, status="failed", error=error.message))
            return _error(error.message)
        except Exception:
            log.exception("unexpected error in a run of a voice session")
            message = "The flow failed because of an internal error."
            await self._report(encode(PROGRESS, **progress, status="failed", error=message))
            return _error(message)
        await self._report(encode(PROGRESS, **progress, status="completed"))
        return answer.text[:MAX_ANSWER_CHARACTERS] or "The flow has no text as its answer."

    def _emit_progress(self, progress: dict[str, str]) -> Callable[[Event], Awaitable[None] | None]:
        def emit(event: Event) -> Awaitable[None] | None:
            if not isinstance(event, VertexEnded):
                return None
            vertex = {"vertex_id": event.result.vertex_id, "display_name": event.result.display_name}
            # The flow waits for a client that reads slowly.
            return self._report(encode(PROGRESS, **progress, status="running", **vertex))

        return emit


def function_schema(name: str, description: str) -> dict[str, Any]:
    """Return the declaration of the function for a realtime model."""
    return {
        "type": "function",
        "name": name,
        "description": description,
        "parameters": {
            "type": "object",
            "properties": {INPUT: {"type": "string", "description": "The question or task, in full sentences."}},
            "required": [INPUT],
        },
    }


def _input_of(call: FunctionCall, name: str) -> str | None:
    """Return the input for the flow, or None if the call is not valid."""
    try:
        arguments = orjson.loads(call.arguments or "{}")
    except ValueError:
        return None
    if call.name != name or not isinstance(arguments, dict):
        return None
    text = arguments.get(INPUT)
    return text if isinstance(text, str) else None


def _error(message: str) -> str:
    return orjson.dumps({"error": message}).decode()
