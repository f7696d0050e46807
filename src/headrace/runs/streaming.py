"""A run as a stream of its events."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import TYPE_CHECKING
from uuid import UUID

from headrace.errors import HeadraceError
from headrace.graph.events import Event
from headrace.graph.result import RunResult
from headrace.runs.answer_size import check_answer_size
from headrace.runs.errors import InternalRunError
from headrace.runs.event_queue import EventQueue

if TYPE_CHECKING:
    from headrace.limits.byte_budget import ByteBudget
    from headrace.runs.flow_resolver import RunnableFlow
    from headrace.runs.request import RunRequest
    from headrace.runs.runner import Runner

log = logging.getLogger(__name__)

#: An event, the run's result, the error that ended it, or None if nothing has happened for a while.
StreamItem = Event | RunResult | HeadraceError | None


async def stream_run(
    runner: Runner, owner: UUID, flow: RunnableFlow, request: RunRequest, *, heartbeat_seconds: float
) -> AsyncIterator[StreamItem]:
    """Run a flow and yield its events, then its result or the error that ended it.

    Closing the iterator early cancels the run. None is yielded after `heartbeat_seconds` without an event.
    """
    with runner.open_budget(owner) as budget:
        events = EventQueue(budget)
        run = asyncio.create_task(runner.run(owner, flow, request, events.put))
        try:
            async with aclosing(_events_of(run, events, heartbeat_seconds)) as waiting:
                async for event in waiting:
                    yield event
            yield _outcome(run, budget)
        finally:
            run.cancel()
            await asyncio.gather(run, return_exceptions=True)


async def _events_of(
    run: asyncio.Task[RunResult], events: EventQueue, heartbeat_seconds: float
) -> AsyncGenerator[Event | None, None]:
    while not run.done() or not events.is_empty():
        if not events.is_empty():
            yield events.get_nowait()
            continue
        next_event = asyncio.ensure_future(events.get())
        try:
            done, _ = await asyncio.wait(
                {run, next_event}, timeout=heartbeat_seconds, return_when=asyncio.FIRST_COMPLETED
            )
            if next_event.done():
                yield next_event.result()
            elif not done:
                yield None
        finally:
            next_event.cancel()


def _outcome(run: asyncio.Task[RunResult], budget: ByteBudget) -> RunResult | HeadraceError:
    """Return the result of a run, whose answer is counted until the client has received it, or its error."""
    try:
        result = run.result()
        budget.hold_response(check_answer_size(result, budget.limits.run), "The answer of the flow")
    except HeadraceError as error:
        return error
    except Exception:
        log.exception("unexpected error in a run")
        return InternalRunError()
    return result
