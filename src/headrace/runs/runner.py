"""Runs the flows of their owners, within the server's limits."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from uuid import UUID

from headrace.component.context import FlowCall, FlowResult
from headrace.component.environment_secret import EnvironmentSecret
from headrace.graph.errors import RunError
from headrace.graph.events import Emit
from headrace.graph.pace import RunPace
from headrace.limits.account import Account, current_account
from headrace.limits.byte_budget import NO_RUN, ByteBudget, ByteLedger, current_budget
from headrace.limits.fair_slots import FairSlots
from headrace.limits.fair_threads import FairThreads
from headrace.limits.loop_turns import LoopTurns
from headrace.metrics.counters import ServerCounters
from headrace.models.model_request import ModelRequest, current_model_request
from headrace.models.usage import RunUsage, current_usage, sub_flow_usage
from headrace.runs.active_runs import ActiveRuns
from headrace.runs.answer_size import check_answer_size
from headrace.runs.answering_models import check_model_options
from headrace.runs.context import RunScope, ServerContext
from headrace.runs.errors import (
    FlowRecursionError,
    RunTimeoutError,
    ServerStoppingError,
    TooManyAccountRunsError,
    TooManyRunsError,
)
from headrace.runs.execute_plan import ExecutionOptions, execute_plan
from headrace.runs.failure_log import log_failure
from headrace.runs.recorder import RetentionLimits, RunRecorder
from headrace.runs.request import RunRequest
from headrace.runs.result_cache import SharedResultCache
from headrace.runs.tweaks import resolve_overrides

if TYPE_CHECKING:
    from headrace.graph.plan import Plan
    from headrace.graph.result import RunResult
    from headrace.graph.vertex import Vertex
    from headrace.runs.flow_resolver import FlowResolver, RunnableFlow
    from headrace.runs.services import RunServices
    from headrace.settings import LimitSettings, RunSettings

#: Flows that may call each other, nested.
MAX_FLOW_DEPTH = 8


def account_of(owner: UUID, request: RunRequest) -> Account:
    """Return the account that a run counts against."""
    return Account(str(owner), request.visitor)


class Runner:
    """Runs flows."""

    def __init__(
        self,
        services: RunServices,
        flows: FlowResolver,
        settings: RunSettings,
        limits: LimitSettings,
        counters: ServerCounters | None = None,
    ) -> None:
        """Create a runner.

        Args:
            services: What runs use.
            flows: Finds the flows that components call.
            settings: The limits of runs, and how many recorded results are stored.
            limits: The limits of values, of recorded results and of the cache of frozen vertices, in bytes.
            counters: Counts the runs.

        """
        self._services = services
        self._counters = counters or ServerCounters()
        self._flows = flows
        self._retention = RetentionLimits(
            settings.max_builds_per_vertex, settings.max_transactions_per_flow, limits.max_recorded_bytes
        )
        self._timeout_seconds = settings.timeout_seconds
        self._active = ActiveRuns(services.database)
        self._strict_tweaks = settings.tweaks == "strict"
        self._max_executions = settings.max_component_executions
        self._slots = FairSlots(settings.max_runs)
        self._is_stopping = False
        self._turns = LoopTurns()
        self._result_cache = SharedResultCache(limits.result_cache_bytes)
        #: The bytes that the values of all runs take.
        self._ledger = ByteLedger(limits.run_bytes)
        self._threads = FairThreads(settings.component_threads, name="component")

    def close(self) -> None:
        """Release the threads. Calls that are still running finish on their own."""
        self._threads.close()

    @property
    def active_runs(self) -> int:
        """The number of runs of this process."""
        return self._slots.held

    @property
    def busy_threads(self) -> int:
        """The number of threads that execute a component."""
        return self._threads.busy

    @property
    def is_stopping(self) -> bool:
        """Whether no further run starts, because the server is being stopped."""
        return self._is_stopping

    def refuse_runs(self) -> None:
        """Start no further run."""
        self._is_stopping = True

    def stop_runs(self) -> None:
        """End the active runs, each with an error for its client."""
        self._active.stop_all()

    def check_capacity(self, account: Account | None = None) -> None:
        """Check that an account may start a run, by default the account of the current task.

        Raises:
            TooManyRunsError: The maximum number of runs is active.
            TooManyAccountRunsError: The account has its share of the active runs.
            ServerStoppingError: The server is being stopped.

        """
        if self._is_stopping:
            raise ServerStoppingError
        account = account or current_account.get()
        if self._slots.is_allowed(account):
            return
        if self._slots.held >= self._slots.total:
            raise TooManyRunsError(self._slots.total)
        raise TooManyAccountRunsError(self._slots.held_by(account), self._slots.total)

    def check_request(self, flow: RunnableFlow, request: RunRequest) -> None:
        """Check that a run can start, before a response begins that cannot report an error with its status.

        Raises:
            TweakError: The request contradicts itself.
            InvalidTweakError: A tweak does not fit the flow.
            TooManyRunsError: The maximum number of runs is active.
            TooManyAccountRunsError: The account has its share of the active runs.

        """
        self.check_capacity()
        resolve_overrides(flow.plan, request, strict=self._strict_tweaks)

    def open_budget(self, owner: UUID) -> ByteBudget:
        """Return a budget for a run or a response of a user or of the user's visitor; close it at the end."""
        return self._ledger.open(_account_of(owner))

    async def run(self, owner: UUID, flow: RunnableFlow, request: RunRequest, emit: Emit | None = None) -> RunResult:
        """Run a flow and return its result once everything that it stored is committed.

        Args:
            owner: The flow's owner, as whom it runs.
            flow: The flow.
            request: The input, tweaks and requested outputs.
            emit: Receives every event as it happens.

        Raises:
            TweakError: The request contradicts itself or names an output that the flow does not have.
            InvalidTweakError: A tweak does not fit the flow.
            UnsupportedOptionError: The flow cannot honour an option of the caller.
            RunError: A vertex failed.
            RunTimeoutError: The run took too long.
            InactiveOwnerError: The owner was deactivated.
            TooManyRunsError: The maximum number of runs is active.
            TooManyAccountRunsError: The owner or visitor has a share of the active runs already.

        """
        account = account_of(owner, request)
        self.check_capacity(account)
        model_request = _model_request(flow.plan, request)
        budget = self._ledger.open(account)
        context = self._context(owner, flow, request, budget, emit)
        recorder = None
        if request.record_id is not None:
            recorder = RunRecorder(self._services.database, self._retention, owner, flow, request.record_id, budget)
            emit = recorder.wrap_emit(emit)
        cache = self._result_cache.of(owner, flow.flow_id, context.session_id, request.origin)
        options = ExecutionOptions(self._threads, emit, cache, pace=context.pace, strict_tweaks=self._strict_tweaks)
        self._slots.take(account)
        token = current_account.set(account)
        outer = current_budget.set(budget)
        started, outcome = time.perf_counter(), "cancelled"
        outer_usage = current_usage.set(RunUsage())
        outer_request = current_model_request.set(model_request)
        try:
            budget.hold_response(request.history_bytes, "The earlier messages")
            async with self._active.deadline(owner, self._timeout_seconds):
                result = await execute_plan(flow.plan, request, context, options)
            check_answer_size(result, budget.limits.run)
            outcome = "ok"
        except TimeoutError as error:
            outcome = "timeout"
            raise RunTimeoutError(self._timeout_seconds) from error
        except Exception as error:
            outcome = "error"
            log_failure(error, flow.flow_id, request)
            if isinstance(error, RunError) and request.origin == "public":
                # The code belongs to the owner, who does not see this response.
                error.traceback = None
            raise
        else:
            return result
        finally:
            self._counters.count_run(request.origin, outcome, time.perf_counter() - started)
            current_model_request.reset(outer_request)
            current_usage.reset(outer_usage)
            current_budget.reset(outer)
            self._slots.release(account)
            try:
                if recorder is not None:
                    await recorder.flush()
            finally:
                current_account.reset(token)
                budget.close()

    async def field_text(self, owner: UUID, flow: RunnableFlow, vertex: Vertex, name: str) -> str:
        """Return the text in a vertex's field, or the value of the variable that it names; empty if it has neither.

        Raises:
            MissingVariableError: The field names a secret that the owner does not have.

        """
        variable = vertex.variables.get(name)
        if variable is None:
            return str(vertex.values.get(name) or "")
        context = self._context(owner, flow, RunRequest(), NO_RUN)
        if not variable.is_secret:
            return await context.get_variable(variable.name, variable.default)
        secret = await context.get_secret(variable.name, variable.default)
        # The text is compared with a caller's secret and goes nowhere else.
        return secret.reveal_in_server() if isinstance(secret, EnvironmentSecret) else secret

    def _context(
        self,
        owner: UUID,
        flow: RunnableFlow,
        request: RunRequest,
        budget: ByteBudget,
        emit: Emit | None = None,
        caller: RunScope | None = None,
    ) -> ServerContext:
        flow_id = str(flow.flow_id)
        account = caller.account if caller is not None else account_of(owner, request)
        scope = RunScope(
            owner=owner,
            flow_id=flow_id,
            session_id=request.session_id or flow_id,
            streaming=request.stream,
            variables=request.variables,
            origin=request.origin,
            call_stack=(*(caller.call_stack if caller is not None else ()), flow_id),
            account=account,
            pace=caller.pace if caller is not None else RunPace(self._turns, account, self._max_executions),
            budget=budget,
        )
        return ServerContext(self._services, scope, self._call_flow, emit)

    async def _call_flow(self, caller: RunScope, call: FlowCall) -> FlowResult:
        """Run a flow that a component calls, within the caller's time limit and place among the active runs."""
        if len(caller.call_stack) > MAX_FLOW_DEPTH:
            raise FlowRecursionError(MAX_FLOW_DEPTH)
        flow = await self._flows.resolve_by_display_name(caller.owner, call.flow)
        request = RunRequest(
            input_value=call.input_value,
            output_type="any",
            session_id=call.session_id or caller.session_id,
            tweaks=call.tweaks,
            variables=caller.variables,
            origin=caller.origin,
        )
        context = self._context(caller.owner, flow, request, caller.budget, caller=caller)
        # A call from a worker process arrives in a task of its own.
        outer = current_budget.set(caller.budget)
        # The caller's options apply to the models of the outer flow.
        outer_request = current_model_request.set(None)
        try:
            with sub_flow_usage():
                result = await execute_plan(
                    flow.plan, request, context, ExecutionOptions(self._threads, pace=caller.pace)
                )
        finally:
            current_model_request.reset(outer_request)
            current_budget.reset(outer)
        outputs = {str(vertex_id): vertex.outputs for vertex_id, vertex in result.vertices.items()}
        return FlowResult(outputs, tuple(vertex_id for vertex_id in result.vertices if vertex_id in result.answer_ids))


def _model_request(plan: Plan, request: RunRequest) -> ModelRequest | None:
    """Return the caller's options with the vertices that they apply to, or None for a caller without options.

    Raises:
        UnsupportedOptionError: The flow cannot honour an option.

    """
    if request.model_options is None:
        return None
    models = check_model_options(plan, request)
    return ModelRequest(request.model_options, frozenset(model.vertex_id for model in models))


def _account_of(owner: UUID) -> Account:
    """Return the account of the caller, or the owner's for work that no caller waits for."""
    account = current_account.get()
    return account if account.owner == str(owner) else Account(str(owner))
