"""The interface of a run for its components. The server and the command line implement it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    import httpx2
    from mcp.types import CallToolResult, Tool

    from headrace.net.client_cache import ClientCache
    from headrace.parsing.parser import Parser
    from headrace.schema import Message


@dataclass(frozen=True, slots=True)
class HistoryQuery:
    """A query for the newest messages of a session: at most `limit`, in `order`."""

    session_id: str
    limit: int
    order: Literal["ASC", "DESC"] = "ASC"
    sender: str | None = None
    sender_name: str | None = None
    context_id: str | None = None


@dataclass(frozen=True, slots=True)
class FlowCall:
    """A request to run another flow of the same owner within a run."""

    #: The flow's id, endpoint name or name.
    flow: str
    #: The text for its chat input; None for no input.
    input_value: str | None = None
    #: The session id; None for the session of the calling run.
    session_id: str | None = None
    #: Vertex id to field name to value.
    tweaks: Mapping[str, Mapping[str, object]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FlowResult:
    """The result of a flow that ran within a run."""

    #: Vertex id to output name to value, in the order of the flow's nodes.
    outputs: Mapping[str, Mapping[str, object]]
    #: The ids of the vertices that return the flow's answer.
    output_vertices: tuple[str, ...]

    @property
    def values(self) -> list[object]:
        """The values of the flow's answer."""
        return [value for vertex_id in self.output_vertices for value in self.outputs[vertex_id].values()]


@dataclass(frozen=True, slots=True)
class PythonResult:
    """The result of Python code: its standard output and the value of the requested expression."""

    stdout: str
    value: object = None


class LocalModel(Protocol):
    """The local model that runs next to the server."""

    #: Maximum number of tokens in an answer; None for no limit but the context size.
    max_tokens: int | None

    async def base_url(self) -> str:
        """Start the model if necessary and return its OpenAI-compatible base URL."""
        ...


class Egress(Protocol):
    """Network access, limited to the addresses that the operator allows."""

    def check(self, url: str) -> None:
        """Check that `url` may be requested; raise an error if not."""
        ...

    def client(self, timeout: float) -> httpx2.AsyncClient:
        """Return an HTTP client that connects to allowed addresses only; `timeout` in seconds."""
        ...

    def unshared_client(self, timeout: float) -> httpx2.AsyncClient:
        """Return such an HTTP client with its own connections, for another event loop; `timeout` in seconds."""
        ...

    @property
    def clients(self) -> ClientCache:
        """The cached protocol clients that share these connections."""
        ...


class McpTools(Protocol):
    """The tools of an MCP server."""

    async def tools(self) -> list[Tool]:
        """Return the tools; raise an error if the server cannot be used."""
        ...

    async def call(self, tool: str, arguments: dict[str, Any]) -> CallToolResult:
        """Call a tool and return its result; raise an error if the server cannot be used."""
        ...


class RunContext(Protocol):
    """A run, as its components see it."""

    session_id: str
    flow_id: str
    streaming: bool
    #: Values that the components of the run share, by key.
    shared_state: dict[str, Any]

    @property
    def user_id(self) -> str | None:
        """The owner's id; None on the command line."""
        ...

    @property
    def egress(self) -> Egress:
        """Network access, limited to the addresses that the operator allows."""
        ...

    async def mcp_server(self, value: object) -> McpTools:
        """Return a connection to the MCP server in the value of a field; raise an error if the owner may not use it."""
        ...

    @property
    def local_model(self) -> LocalModel:
        """The local model that runs next to the server."""
        ...

    @property
    def parser(self) -> Parser:
        """Parses untrusted input, such as HTML and regular expressions, under limits of time and memory."""
        ...

    async def run_flow(self, call: FlowCall) -> FlowResult:
        """Run another flow of the same owner within this run's time limit; raise an error if it is missing or fails."""
        ...

    def on_close(self, release: Callable[[], None]) -> None:
        """Call `release` when the run ends, successfully or not."""
        ...

    async def read_file(self, path: str) -> bytes:
        """Return the content of one of the owner's files; raise an error if the path is unknown."""
        ...

    async def save_file(self, name: str, content: bytes) -> str:
        """Store a file for the owner and return its path."""
        ...

    async def run_python(
        self, source: str, *, names: Mapping[str, object], imports: Sequence[str] = (), expression: str | None = None
    ) -> PythonResult:
        """Run Python code from a user or a model in another process; raise an error if the owner may not run code.

        Args:
            source: the code.
            names: variable name to value, for the code.
            imports: names of modules that are imported for the code.
            expression: an expression to evaluate after the code, for its value.

        """
        ...

    async def save_message(self, message: Message) -> None:
        """Store `message` in its session. Later reads in this run include it."""
        ...

    async def get_messages(self, query: HistoryQuery) -> list[Message]:
        """Return the messages of a session that belong to the run's owner."""
        ...

    def emit_message(self, message: Message) -> None:
        """Send an event for a new or changed message to the clients that follow the run."""
        ...

    def emit_token(self, chunk: str, message_id: str) -> None:
        """Send an event for a new chunk of a message's text to the clients that follow the run."""
        ...

    async def get_variable(self, name: str, default: str | None) -> str:
        """Return the value of one of the owner's variables, or `default`; raise an error if both are missing."""
        ...

    async def get_secret(self, name: str, default: str | None) -> str:
        """Return the value of a variable for a secret field, or `default`; raise an error if both are missing.

        If the variable comes from the server's environment, the result is an `EnvironmentSecret`.
        """
        ...

    async def get_environment_secret(self, name: str) -> str | None:
        """Return a variable of the server's environment as an `EnvironmentSecret`; None if the owner may not use it."""
        ...

    def get_env(self, name: str) -> str | None:
        """Return the URL in a variable of the operator, such as OPENAI_BASE_URL."""
        ...
