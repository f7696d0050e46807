"""Runs a flow file without a server and without a database: what is said lives as long as the run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from headrace.component.component import ComponentError
from headrace.graph.execute import Execution
from headrace.graph.flow import parse_flow
from headrace.graph.plan import compile_plan
from headrace.runs.environment import MissingVariableError
from headrace.runs.overlay import overlay_of
from headrace.runs.runner import THREADS, wanted_vertices
from headrace.runs.wire import answer_json

if TYPE_CHECKING:
    from headrace.component.component import Component
    from headrace.component.context import FlowAnswer, FlowCall, HistoryQuery, LocalModel, PythonOutcome
    from headrace.component.registry import Registry
    from headrace.graph.flow import NodeId
    from headrace.graph.plan import Plan
    from headrace.graph.result import VertexResult
    from headrace.runs.request import RunRequest
    from headrace.runs.surroundings import Surroundings
    from headrace.schema import Message


class StandaloneContext:
    """The context of a run that nobody watches."""

    streaming = False
    user_id = None

    def __init__(self, flow_id: str, session_id: str, around: Surroundings) -> None:
        self.flow_id = flow_id
        self.session_id = session_id
        self.egress = around.egress
        self.local_model: LocalModel = around.local_model
        self._environment = around.environment
        self.shared: dict[str, Any] = {}
        self._messages: list[Message] = []
        self._at_end: list[Callable[[], None]] = []

    async def run_flow(self, call: FlowCall) -> FlowAnswer:
        """Refuse: a file on the command line has no other flows beside it."""
        raise ComponentError(
            f"There is no flow {call.flow!r} beside this file. Flows that call others run on a server."
        )

    async def store(self, message: Message) -> None:
        """Keep a message for the rest of the run."""
        message.id = message.id or str(uuid4())
        self._messages.append(message)

    def at_end(self, release: Callable[[], None]) -> None:
        """Call `release` once the run has ended, however it ends."""
        self._at_end.append(release)

    def close(self) -> None:
        """Let go of what the run held."""
        for release in self._at_end:
            release()

    async def read_file(self, path: str) -> bytes:
        """Refuse: a flow file names nothing of this machine."""
        raise ComponentError(f"There is no file {path!r} beside this flow. Flows with files run on a server.")

    async def save_file(self, name: str, content: bytes) -> str:
        """Refuse, for the same reason."""
        raise ComponentError(f"The file {name!r} cannot be kept. Flows that keep files run on a server.")

    async def run_python(
        self, source: str, *, names: Mapping[str, object], imports: Sequence[str] = (), expression: str | None = None
    ) -> PythonOutcome:
        """Refuse: code in a field runs apart from this process, which a server does."""
        raise ComponentError("Python in a field runs on a server, in a process of its own. Run this flow there.")

    async def history(self, query: HistoryQuery) -> list[Message]:
        """Return what was said in this run."""
        wanted = {
            "sender": query.sender,
            "sender_name": query.sender_name,
            "context_id": query.context_id,
            "session_id": query.session_id,
        }
        found = [m for m in self._messages if all(v is None or getattr(m, n) == v for n, v in wanted.items())][
            -query.limit :
        ]
        return found if query.order == "ASC" else found[::-1]

    async def variable(self, name: str, default: str | None) -> str:
        """Return a variable of the environment, or `default`."""
        value = self._environment.get(name) or default
        if value is None:
            raise MissingVariableError(name)
        return value

    def announce(self, message: Message) -> None:
        """Give the message an id; nobody watches."""
        message.id = message.id or str(uuid4())

    def token(self, chunk: str, message_id: str) -> None:
        """Nobody watches."""

    def environment(self, name: str) -> str | None:
        """Return the operator's value of a model provider's setting."""
        return self._environment.get(name)


async def run_file(
    data: object,
    request: RunRequest,
    *,
    registry: Registry,
    around: Surroundings,
    own: Mapping[NodeId, type[Component]] | None = None,
    values: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """Run the flow in `data`, the content of a flow file, and return its answer as `/run` would.

    Args:
        data: the flow file's content.
        request: what the run is to do.
        registry: the server's components.
        around: what the run reaches.
        own: the classes of components that are not the server's, where the caller wrote them.
        values: fields of vertices that hold what no file can, by the vertices' ids.

    Raises:
        HeadraceError: the flow can't be run, or a component failed.

    """
    drawing = data.get("data", data) if isinstance(data, dict) else data
    plan = compile_plan(parse_flow(drawing), registry, own)
    flow_id = str(uuid4())
    session_id = request.session_id or flow_id
    overlay, wanted = overlay_of(plan, request), wanted_vertices(plan, request)
    for vertex, fields in (values or {}).items():
        overlay[vertex] = {**fields, **overlay.get(vertex, {})}
    results = await run_plan(plan, StandaloneContext(flow_id, session_id, around), overlay)
    return answer_json(session_id, request.input_value, [results[i] for i in results if i in wanted])


async def run_plan(
    plan: Plan, context: StandaloneContext, overlay: Mapping[str, Mapping[str, Any]]
) -> Mapping[NodeId, VertexResult]:
    """Run a plan and return what each vertex gave.

    Raises:
        RunError: a vertex failed.

    """
    try:
        with ThreadPoolExecutor(THREADS) as threads:
            return await Execution(plan, context, overlay, None, threads).run()
    finally:
        context.close()
