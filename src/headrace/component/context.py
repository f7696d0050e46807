"""What a running component may ask of its run. The server and the command line each provide it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    import httpx2

    from headrace.schema import Message


@dataclass(frozen=True, slots=True)
class HistoryQuery:
    """Which messages of a session are wanted: at most `limit`, the newest ones, in `order`."""

    session_id: str
    limit: int
    order: Literal["ASC", "DESC"] = "ASC"
    sender: str | None = None
    sender_name: str | None = None
    context_id: str | None = None


@dataclass(frozen=True, slots=True)
class FlowCall:
    """A flow of the same owner to run within a run."""

    #: Its id, endpoint name or name.
    flow: str
    #: What is said to its chat input; None for nothing.
    input_value: str | None = None
    #: The conversation; None for the run's own.
    session_id: str | None = None
    #: Field values, by vertex id.
    tweaks: Mapping[str, Mapping[str, object]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FlowAnswer:
    """What a flow gave that was run within a run."""

    #: By vertex id, then by output name, in the order of the drawing.
    outputs: Mapping[str, Mapping[str, object]]
    #: The ids of the vertices whose outputs are the flow's answer.
    answers: tuple[str, ...]

    @property
    def values(self) -> list[object]:
        """What the flow answers with."""
        return [value for i in self.answers for value in self.outputs[i].values()]


@dataclass(frozen=True, slots=True)
class PythonOutcome:
    """What a piece of Python did: what it printed, and the value of the expression that was asked for."""

    printed: str
    value: object = None


class LocalModel(Protocol):
    """The model that runs beside the server."""

    #: Most tokens of an answer; None for as many as fit.
    longest_answer: int | None

    async def base_url(self) -> str:
        """Start the model if need be and return its OpenAI-compatible address."""
        ...


class Egress(Protocol):
    """The guarded way to the network."""

    def check(self, url: str) -> None:
        """Raise where `url` may not be fetched."""
        ...

    def client(self, timeout: float) -> httpx2.AsyncClient:
        """Return a client, each connection of which is guarded; `timeout` in seconds."""
        ...


class RunContext(Protocol):
    """One run, as its components see it."""

    session_id: str
    flow_id: str
    streaming: bool
    #: What the components of the run tell each other.
    shared: dict[str, Any]

    @property
    def user_id(self) -> str | None:
        """The owner's id; None on the command line."""
        ...

    @property
    def egress(self) -> Egress:
        """The guarded way to the network."""
        ...

    @property
    def local_model(self) -> LocalModel:
        """The model that runs beside the server."""
        ...

    async def run_flow(self, call: FlowCall) -> FlowAnswer:
        """Run another flow of the same owner, within this run's time; raise where it fails or isn't there."""
        ...

    def at_end(self, release: Callable[[], None]) -> None:
        """Have `release` called once the run has ended, however it ends."""
        ...

    async def read_file(self, path: str) -> bytes:
        """Return the content of one of the owner's files; raise where there is none under this path."""
        ...

    async def save_file(self, name: str, content: bytes) -> str:
        """Keep a file for the owner and return the path that names it."""
        ...

    async def run_python(
        self, source: str, *, names: Mapping[str, object], imports: Sequence[str] = (), expression: str | None = None
    ) -> PythonOutcome:
        """Run Python that a person or a model wrote, apart from this process; raise where the owner may run none.

        Args:
            source: the code.
            names: values that it finds under these names.
            imports: modules that it finds under their names.
            expression: what is evaluated after it, for its value.

        """
        ...

    async def store(self, message: Message) -> None:
        """Keep `message` in its session; what is read later in this run sees it."""
        ...

    async def history(self, query: HistoryQuery) -> list[Message]:
        """Return the messages of a session that belong to the run's owner."""
        ...

    def announce(self, message: Message) -> None:
        """Tell whoever watches that `message` came or changed."""
        ...

    def token(self, chunk: str, message_id: str) -> None:
        """Tell whoever watches that a model said `chunk` within a message."""
        ...

    async def variable(self, name: str, default: str | None) -> str:
        """Return the value of one of the owner's variables, or `default`; raise where there is neither."""
        ...

    def environment(self, name: str) -> str | None:
        """Return the operator's value for a model provider's setting, such as OPENAI_BASE_URL."""
        ...
