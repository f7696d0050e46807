"""A run as isolated components see it: what they ask of it, the server is asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from headrace.component.context import FlowAnswer, PythonOutcome

if TYPE_CHECKING:
    import httpx2

    from headrace.component.context import FlowCall, HistoryQuery
    from headrace.isolation.frames import Peer
    from headrace.isolation.lending import Lending
    from headrace.isolation.sockets import Network
    from headrace.schema import Message


class WorkerEgress:
    """The way to the network. Each connection is checked by the server when it is made."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def check(self, url: str) -> None:
        """Refuse what the server would refuse, before a secret is put into a request.

        Raises:
            BlockedAddressError: the address may not be reached.

        """
        from urllib.parse import urlsplit

        parts = urlsplit(url)
        self._network.addresses(parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))

    def client(self, timeout: float) -> httpx2.AsyncClient:
        """Return a client; `timeout` in seconds."""
        import httpx2

        return httpx2.AsyncClient(timeout=timeout, follow_redirects=True, max_redirects=5, trust_env=False)


class WorkerLocalModel:
    """The model that runs beside the server."""

    def __init__(self, context: WorkerContext, longest_answer: int | None) -> None:
        self._context = context
        self.longest_answer = longest_answer

    async def base_url(self) -> str:
        """Start the model if need be and return its address."""
        return str(await self._context.ask("local_model", {}))


class WorkerContext:
    """One run."""

    def __init__(self, run: int, told: Mapping[str, Any], peer: Peer, lending: Lending, network: Network) -> None:
        """Set up.

        Args:
            run: the run's number on this channel.
            told: what the server says of it.
            peer: the server.
            lending: turns values into JSON and back.
            network: the way to the network.

        """
        self.session_id: str = told["session_id"]
        self.flow_id: str = told["flow_id"]
        self.user_id: str | None = told["user_id"]
        self.streaming: bool = told["streaming"]
        self.shared: dict[str, Any] = {}
        self.egress = WorkerEgress(network)
        self.local_model = WorkerLocalModel(self, told["longest_answer"])
        self._environment: dict[str, str] = told["environment"]
        self._run = run
        self._peer = peer
        self._lending = lending
        self._at_end: list[Callable[[], None]] = []

    async def ask(self, op: str, args: dict[str, Any]) -> Any:
        """Ask the server's side of this run."""
        return await self._peer.ask(op, {"run": self._run, **args})

    async def run_python(
        self, source: str, *, names: Mapping[str, object], imports: Sequence[str] = (), expression: str | None = None
    ) -> PythonOutcome:
        """Have the server run Python for the owner, apart from it."""
        args = {
            "source": source,
            "names": self._lending.write(dict(names)),
            "imports": list(imports),
            "expression": expression,
        }
        given = await self.ask("run_python", args)
        return PythonOutcome(str(given["printed"]), self._lending.read(given["value"]))

    def at_end(self, release: Callable[[], None]) -> None:
        """Call `release` once the run has ended."""
        self._at_end.append(release)

    def close(self) -> None:
        """Let go of what the run held."""
        for release in self._at_end:
            release()

    async def store(self, message: Message) -> None:
        """Keep a message in its session."""
        message.id = message.id or str(uuid4())
        await self.ask("store", {"message": self._lending.write(message)})

    async def history(self, query: HistoryQuery) -> list[Message]:
        """Return messages of a session of the run's owner."""
        found: list[Message] = self._lending.read(await self.ask("history", {"query": asdict(query)}))
        return found

    async def variable(self, name: str, default: str | None) -> str:
        """Return one of the owner's variables."""
        return str(await self.ask("variable", {"name": name, "default": default}))

    async def read_file(self, path: str) -> bytes:
        """Return the content of one of the owner's files."""
        found: bytes = self._lending.read(await self.ask("read_file", {"path": path}))
        return found

    async def save_file(self, name: str, content: bytes) -> str:
        """Keep a file for the owner and return the path that names it."""
        return str(await self.ask("save_file", {"name": name, "content": self._lending.write(content)}))

    async def run_flow(self, call: FlowCall) -> FlowAnswer:
        """Run another flow of the owner's within this run."""
        raw = await self.ask("run_flow", {"call": self._lending.write(asdict(call))})
        return FlowAnswer(self._lending.read(raw["outputs"]), tuple(raw["answers"]))

    def announce(self, message: Message) -> None:
        """Tell the run's watcher of a message."""
        message.id = message.id or str(uuid4())
        self._peer.tell("announce", {"run": self._run, "message": self._lending.write(message)})

    def token(self, chunk: str, message_id: str) -> None:
        """Tell the run's watcher of a token."""
        self._peer.tell("token", {"run": self._run, "chunk": chunk, "message_id": message_id})

    def environment(self, name: str) -> str | None:
        """Return the operator's address of a model server."""
        return self._environment.get(name)
