"""The run context of isolated components: each method is a request to the server."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from headrace.component.context import FlowResult, PythonResult
from headrace.mcp.client import McpConnection, parse_server
from headrace.models.usage import current_vertex
from headrace.net.client_cache import ClientCache
from headrace.parsing.direct_parser import DirectParser

if TYPE_CHECKING:
    import httpx2

    from headrace.component.context import FlowCall, HistoryQuery, McpTools
    from headrace.isolation.guest.socket_patch import Network
    from headrace.isolation.rpc.connection import RpcConnection
    from headrace.isolation.rpc.object_table import ObjectTable
    from headrace.parsing.parser import Parser
    from headrace.schema import Message
    from headrace.schema.token_usage import TokenUsage


class WorkerEgress:
    """Network access of isolated code. The server checks each connection when it opens it."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self.clients = ClientCache(self.client)

    def check(self, url: str) -> None:
        """Check an address before a request with a secret is built.

        Raises:
            BlockedAddressError: the server does not allow connections to the address.

        """
        from urllib.parse import urlsplit

        parts = urlsplit(url)
        self._network.addresses(parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))

    def client(self, timeout: float) -> httpx2.AsyncClient:
        """Return an HTTP client with a timeout in seconds."""
        import httpx2

        return httpx2.AsyncClient(timeout=timeout, follow_redirects=True, max_redirects=5, trust_env=False)

    #: Every client has connections of its own here.
    unshared_client = client


class WorkerLocalModel:
    """The server's local model."""

    def __init__(self, context: WorkerContext, max_tokens: int | None) -> None:
        self._context = context
        self.max_tokens = max_tokens

    async def base_url(self) -> str:
        """Return the URL of the model, which the server starts on first use."""
        return str(await self._context.request("get_local_model_url", {}))


class WorkerContext:
    """Implements `component.context.RunContext` with requests to the server."""

    def __init__(
        self, run: int, fields: Mapping[str, Any], connection: RpcConnection, objects: ObjectTable, network: Network
    ) -> None:
        """Create a context.

        Args:
            run: identifies the run on the connection.
            fields: the fields of the context that the server sends; see `HostRun`.
            connection: sends requests to the server.
            objects: encodes and decodes values.
            network: opens network connections.

        """
        self.session_id: str = fields["session_id"]
        self.flow_id: str = fields["flow_id"]
        self.user_id: str | None = fields["user_id"]
        self.streaming: bool = fields["streaming"]
        self.shared_state: dict[str, Any] = {}
        self.egress = WorkerEgress(network)
        self.local_model = WorkerLocalModel(self, fields["max_tokens"])
        #: The limits of this process hold for parsers, too.
        self.parser: Parser = DirectParser()
        self._environment: dict[str, str] = fields["environment"]
        self._run = run
        self._connection = connection
        self._objects = objects
        self._close_callbacks: list[Callable[[], None]] = []

    async def mcp_server(self, value: object) -> McpTools:
        """Return a connection to an MCP server over HTTP, which ends with the run."""
        connection = McpConnection(parse_server(value), self.egress)
        self.on_close(connection.close)
        return connection

    async def request(self, op: str, args: dict[str, Any]) -> Any:
        """Send a request to the server's part of this run."""
        return await self._connection.request(op, {"run": self._run, "vertex": current_vertex.get(), **args})

    async def run_python(
        self, source: str, *, names: Mapping[str, object], imports: Sequence[str] = (), expression: str | None = None
    ) -> PythonResult:
        """Run Python for the flow's owner in a separate call."""
        args = {
            "source": source,
            "names": self._objects.encode(dict(names)),
            "imports": list(imports),
            "expression": expression,
        }
        result = await self.request("run_python", args)
        return PythonResult(str(result["stdout"]), self._objects.decode(result["value"]))

    def on_close(self, release: Callable[[], None]) -> None:
        """Register a function to call when the run has ended."""
        self._close_callbacks.append(release)

    def close(self) -> None:
        """Call the functions that `on_close` registered."""
        for release in self._close_callbacks:
            release()

    async def save_message(self, message: Message) -> None:
        """Save a message in its session."""
        message.id = message.id or str(uuid4())
        await self.request("save_message", {"message": self._objects.encode(message)})

    async def get_messages(self, query: HistoryQuery) -> list[Message]:
        """Return messages of the flow's owner."""
        messages: list[Message] = self._objects.decode(await self.request("get_messages", {"query": asdict(query)}))
        return messages

    async def get_variable(self, name: str, default: str | None) -> str:
        """Return the value of a variable of the flow's owner."""
        return str(await self.request("get_variable", {"name": name, "default": default}))

    async def get_secret(self, name: str, default: str | None) -> str:
        """Return the value of a variable of the flow's owner; see `get_variable`."""
        return await self.get_variable(name, default)

    async def get_environment_secret(self, name: str) -> str | None:
        """Return None: isolated code receives no secrets of the server's environment."""
        return None

    async def read_file(self, path: str) -> bytes:
        """Return the content of a file of the flow's owner."""
        content: bytes = self._objects.decode(await self.request("read_file", {"path": path}))
        return content

    async def save_file(self, name: str, content: bytes) -> str:
        """Save a file for the flow's owner and return its path."""
        return str(await self.request("save_file", {"name": name, "content": self._objects.encode(content)}))

    async def run_flow(self, call: FlowCall) -> FlowResult:
        """Run another flow of the same owner within this run."""
        raw = await self.request("run_flow", {"call": self._objects.encode(asdict(call))})
        return FlowResult(self._objects.decode(raw["outputs"]), tuple(raw["output_vertices"]))

    def emit_message(self, message: Message) -> None:
        """Send a message to the watcher of the run."""
        message.id = message.id or str(uuid4())
        self._connection.notify("emit_message", {"run": self._run, "message": self._objects.encode(message)})

    def emit_token(self, chunk: str, message_id: str) -> None:
        """Send a token of a message to the watcher of the run."""
        self._connection.notify("emit_token", {"run": self._run, "chunk": chunk, "message_id": message_id})

    def report_usage(self, vertex_id: str, usage: TokenUsage) -> None:
        """Report the tokens that a model used."""
        self._connection.notify("report_usage", {"run": self._run, "vertex": vertex_id, "usage": asdict(usage)})

    def get_env(self, name: str) -> str | None:
        """Return a variable with the address of a model server. Other variables of the server are not available."""
        return self._environment.get(name)
