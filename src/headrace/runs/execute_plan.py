"""The one way in which a plan is run: apply the request's overrides, execute, collect the answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from headrace.component.context import RunContext
from headrace.graph.events import Emit
from headrace.graph.executor import Execution
from headrace.graph.result import RunResult
from headrace.models.model_request import current_model_request
from headrace.models.usage import current_usage
from headrace.runs.tweaks import TweakError, requested_files, resolve_overrides

if TYPE_CHECKING:
    from headrace.graph.pace import RunPace
    from headrace.graph.plan import Plan
    from headrace.graph.result_cache import ResultCache
    from headrace.runs.request import RunRequest


class ClosableContext(RunContext, Protocol):
    """A run context whose owner closes it."""

    async def check_files(self, paths: Sequence[str]) -> None:
        """Check that the run can read files; raise an error if not."""
        ...

    async def close(self) -> None:
        """Release the run's resources and wait until everything that it stored is committed."""
        ...


@dataclass(frozen=True, slots=True)
class ExecutionOptions:
    """How a plan is executed: where blocking methods run, who receives events, what is reused, and how fast."""

    threads: Executor
    emit: Emit | None = None
    #: Results of frozen vertices from earlier runs; None to run them each time.
    cache: ResultCache | None = None
    #: Values by vertex id and field that no flow file can hold. The request's overrides take precedence.
    field_values: Mapping[str, Mapping[str, Any]] | None = None
    #: None for a run that has the event loop for itself.
    pace: RunPace | None = None
    #: Whether a tweak that does not fit the flow is an error.
    strict_tweaks: bool = False


async def execute_plan(
    plan: Plan, request: RunRequest, context: ClosableContext, options: ExecutionOptions
) -> RunResult:
    """Run a plan, close its context and return its result.

    Raises:
        TweakError: The request contradicts itself or names an output that the flow does not have.
        InvalidTweakError: A tweak does not fit the flow.
        HeadraceError: A file of the request is missing or too large.
        RunError: A vertex failed.

    """
    try:
        overrides = resolve_overrides(plan, request, strict=options.strict_tweaks)
        for vertex_id, values in (options.field_values or {}).items():
            overrides[vertex_id] = {**values, **overrides.get(vertex_id, {})}
        answer_ids = answer_vertex_ids(plan, request)
        if paths := requested_files(plan, overrides):
            await context.check_files(paths)
        execution = Execution(plan, context, overrides, options.emit, options.threads, options.cache, options.pace)
        results = await execution.run()
    finally:
        await context.close()
    usage, model_request = current_usage.get(), current_model_request.get()
    return RunResult(
        context.session_id,
        request.input_value,
        results,
        answer_ids,
        usage.total() if usage is not None else None,
        model_request.answer if model_request is not None else None,
    )


def answer_vertex_ids(plan: Plan, request: RunRequest) -> frozenset[str]:
    """Return the ids of the vertices whose results answer the request.

    Raises:
        TweakError: The request names an output component that the flow does not have.

    """
    if not request.output_components:
        return frozenset(v.id for v in plan.output_vertices(request.output_type))
    ids: set[str] = set()
    ids_by_name: dict[str, set[str]] = {}
    for vertex in plan.vertices.values():
        for name in (vertex.id, vertex.display_name):
            ids_by_name.setdefault(name, set()).add(vertex.id)
    for name in request.output_components:
        named = ids_by_name.get(name)
        if not named:
            raise TweakError(
                f"The flow has no component {name!r}. Use the id or display name of one of its components."
            )
        ids |= named
    return frozenset(ids)
