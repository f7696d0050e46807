"""Runs a flow file without a server or database. Messages live as long as the run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from headrace.component.component import ComponentError
from headrace.graph.compiler import compile_plan
from headrace.graph.flow import parse_flow
from headrace.mcp.client import McpConnection, parse_server
from headrace.runs.environment import MissingVariableError, NotSecretFieldError
from headrace.runs.execute_plan import ExecutionOptions, execute_plan

if TYPE_CHECKING:
    from headrace.component.component import Component
    from headrace.component.context import FlowCall, FlowResult, HistoryQuery, LocalModel, McpTools, PythonResult
    from headrace.component.registry import Registry
    from headrace.graph.events import Emit
    from headrace.graph.flow import NodeId
    from headrace.graph.plan import Plan
    from headrace.graph.result import RunResult
    from headrace.parsing.parser import Parser
    from headrace.runs.request import RunRequest
    from headrace.runs.resources import RunResources
    from headrace.schema import Message

#: Threads for the blocking methods of components.
COMPONENT_THREADS = 32


class LocalContext:
    """The context of a run without a server."""

    streaming = False
    user_id = None

    def __init__(self, flow_id: str, session_id: str, resources: RunResources) -> None:
        self.flow_id = flow_id
        self.session_id = session_id
        self.egress = resources.egress
        self.parser: Parser = resources.parser
        self.local_model: LocalModel = resources.local_model
        self._environment = resources.environment
        self.shared_state: dict[str, Any] = {}
        self._messages: list[Message] = []
        self._close_callbacks: list[Callable[[], None]] = []

    async def mcp_server(self, value: object) -> McpTools:
        """Return a connection to an MCP server over HTTP, which ends with the run."""
        connection = McpConnection(parse_server(value), self.egress)
        self.on_close(connection.close)
        return connection

    async def run_flow(self, call: FlowCall) -> FlowResult:
        """Raise ComponentError: a flow file has no other flows to call."""
        raise ComponentError(
            f"The flow {call.flow!r} cannot be called from a flow file. Run flows that call others on a server."
        )

    async def save_message(self, message: Message) -> None:
        """Store a message for the rest of the run."""
        message.id = message.id or str(uuid4())
        self._messages.append(message)

    def on_close(self, callback: Callable[[], None]) -> None:
        """Call `callback` when the run ends, whether it succeeds or fails."""
        self._close_callbacks.append(callback)

    async def close(self) -> None:
        """Release the run's resources."""
        for callback in self._close_callbacks:
            callback()

    async def read_file(self, path: str) -> bytes:
        """Raise ComponentError: a flow file may not read files of this machine."""
        raise ComponentError(f"The file {path!r} cannot be read from a flow file. Run flows with files on a server.")

    async def check_files(self, paths: Sequence[str]) -> None:
        """Raise ComponentError: a flow file may not read files of this machine."""
        await self.read_file(paths[0])

    async def save_file(self, name: str, content: bytes) -> str:
        """Raise ComponentError: a flow file may not write files to this machine."""
        raise ComponentError(f"The file {name!r} cannot be stored. Run flows that store files on a server.")

    async def run_python(
        self, source: str, *, names: Mapping[str, object], imports: Sequence[str] = (), expression: str | None = None
    ) -> PythonResult:
        """Raise ComponentError: Python in fields runs in a worker process, which needs a server."""
        raise ComponentError("Python in a field needs a worker process. Run this flow on a server.")

    async def get_messages(self, query: HistoryQuery) -> list[Message]:
        """Return messages of this run."""
        filters = {
            "sender": query.sender,
            "sender_name": query.sender_name,
            "context_id": query.context_id,
            "session_id": query.session_id,
        }
        matching = [m for m in self._messages if all(v is None or getattr(m, n) == v for n, v in filters.items())][
            -query.limit :
        ]
        return matching if query.order == "ASC" else matching[::-1]

    async def get_variable(self, name: str, default: str | None) -> str:
        """Return `default`: a run without a server has no stored variables.

        Raises:
            MissingVariableError: The default is None.
            NotSecretFieldError: The variable comes from the environment.

        """
        if self._environment.contains(name):
            raise NotSecretFieldError(name)
        if default is None:
            raise MissingVariableError(name)
        return default

    async def get_secret(self, name: str, default: str | None) -> str:
        """Return a variable of the environment, or `default`.

        Raises:
            MissingVariableError: There is no such variable and no default.

        """
        return self._environment.secret(name) or await self.get_variable(name, default)

    async def get_environment_secret(self, name: str) -> str | None:
        """Return a variable of the environment, or None if it is not set."""
        return self._environment.secret(name)

    def emit_message(self, message: Message) -> None:
        """Give the message an id; the run has no consumer."""
        message.id = message.id or str(uuid4())

    def emit_token(self, chunk: str, message_id: str) -> None:
        """Do nothing: the run has no consumer."""

    def get_env(self, name: str) -> str | None:
        """Return the URL in a variable of the operator."""
        return self._environment.get(name)


async def run_flow_file(
    content: object,
    request: RunRequest,
    *,
    registry: Registry,
    resources: RunResources,
    classes: Mapping[NodeId, type[Component]] | None = None,
    field_values: Mapping[str, Mapping[str, Any]] | None = None,
    strict_tweaks: bool = False,
    emit: Emit | None = None,
) -> RunResult:
    """Run a flow file and return its result.

    Args:
        content: The flow file, parsed from JSON.
        request: The input, tweaks and requested outputs.
        registry: The server's components.
        resources: What the run reaches outside of the process.
        classes: Component classes that the caller wrote, by node id.
        field_values: Field values that no file can hold, by vertex id.
        strict_tweaks: Whether a tweak that does not fit the flow is an error.
        emit: Receives every event as it happens.

    Raises:
        HeadraceError: The flow cannot be run, or a component failed.

    """
    data = content.get("data", content) if isinstance(content, dict) else content
    plan = compile_plan(parse_flow(data), registry, classes)
    flow_id = str(uuid4())
    context = LocalContext(flow_id, request.session_id or flow_id, resources)
    return await execute_locally(plan, request, context, field_values, strict_tweaks=strict_tweaks, emit=emit)


async def execute_locally(
    plan: Plan,
    request: RunRequest,
    context: LocalContext,
    field_values: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    strict_tweaks: bool = False,
    emit: Emit | None = None,
) -> RunResult:
    """Run a plan with threads of its own; see `execute_plan`."""
    with ThreadPoolExecutor(COMPONENT_THREADS) as threads:
        options = ExecutionOptions(threads, emit, field_values=field_values, strict_tweaks=strict_tweaks)
        return await execute_plan(plan, request, context, options)
