"""A run as its components see it, on the server: an owner's messages and variables, the guarded way out."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from sqlalchemy import select

from headrace.component.component import ComponentError
from headrace.errors import HeadraceError
from headrace.graph.events import Event, MessageAdded, Token
from headrace.runs.environment import MissingVariableError
from headrace.store import messages, tables

if TYPE_CHECKING:
    from headrace.component.context import FlowAnswer, FlowCall, HistoryQuery, LocalModel, PythonOutcome
    from headrace.files.shelf import Shelf
    from headrace.runs.people_code import PeopleCode
    from headrace.runs.request import Origin
    from headrace.runs.surroundings import Surroundings
    from headrace.schema import Message
    from headrace.store.secrets import VariableCipher
    from headrace.store.store import Store

CallFlow = Callable[["ServerContext", "FlowCall"], Awaitable["FlowAnswer"]]


class TooDeepError(HeadraceError):
    """Flows call each other, too many within one another."""

    def __init__(self, most: int) -> None:
        super().__init__(
            f"Flows call each other more than {most} deep. Look for a flow that calls itself, and end the circle."
        )


class ServerContext:
    """The context of one run."""

    def __init__(
        self,
        *,
        store: Store,
        owner: UUID,
        flow_id: str,
        session_id: str,
        streaming: bool,
        emit: Callable[[Event], None] | None,
        around: Surroundings,
        fallback: bool,
        cipher: VariableCipher,
        variables: Mapping[str, str],
        call: CallFlow,
        shelf: Shelf,
        code: PeopleCode,
        origin: Origin,
        within: tuple[str, ...] = (),
    ) -> None:
        self.flow_id = flow_id
        self.session_id = session_id
        self.streaming = streaming
        self.egress = around.egress
        self.local_model: LocalModel = around.local_model
        self._store = store
        self.owner = owner
        self.user_id = str(owner)
        self.shared: dict[str, Any] = {}
        self._emit = emit
        self._environment = around.environment
        self._fallback = fallback
        self._cipher = cipher
        self.variables = variables
        self._call = call
        self._shelf = shelf
        self._code = code
        self.origin: Origin = origin
        #: The ids of the flows that called each other up to this one.
        self.within = (*within, flow_id)
        self._pending: list[asyncio.Future[None]] = []
        self._at_end: list[Callable[[], None]] = []
        self._ended = False

    async def run_flow(self, call: FlowCall) -> FlowAnswer:
        """Run another flow of the owner's within this run.

        Raises:
            FlowNotFoundError: the owner has no such flow.
            TooDeepError: flows call each other too deep.
            RunError: it failed.

        """
        return await self._call(self, call)

    async def read_file(self, path: str) -> bytes:
        """Return the content of one of the owner's files.

        Raises:
            NoSuchFileError: the owner has no file under this path.

        """
        return await self._shelf.content(self.owner, path)

    async def save_file(self, name: str, content: bytes) -> str:
        """Keep a file for the owner and return the path that names it."""

        async def once() -> AsyncIterator[bytes]:
            yield content

        return str((await self._shelf.add(self.owner, name, once()))["path"])

    async def run_python(
        self, source: str, *, names: Mapping[str, object], imports: Sequence[str] = (), expression: str | None = None
    ) -> PythonOutcome:
        """Run Python in the owner's worker.

        Raises:
            MayNotRunCodeError: the owner may run no code.
            ComponentError: it fails; names its line. Or a stranger runs the flow.

        """
        if self.origin == "public":
            raise ComponentError(
                "Code that is written in a field or by a model is not run for strangers, at public links and open webhooks."
            )
        return await self._code.run_python(self.owner, source, names, imports, expression)

    async def store(self, message: Message) -> None:
        """Hand a message to the writer and announce it; `settle` waits for the commit."""
        message.id = message.id or str(uuid4())
        self._pending.append(self._store.writer.insert(tables.messages, messages.row_of(message, self.owner)))
        self.announce(message)

    async def settle(self) -> None:
        """Wait until everything that this run stored is committed."""
        pending, self._pending = self._pending, []
        if pending:
            for outcome in await asyncio.gather(*pending, return_exceptions=True):
                if isinstance(outcome, BaseException):
                    raise outcome

    def at_end(self, release: Callable[[], None]) -> None:
        """Call `release` once the run has ended, however it ends; at once where it has."""
        if self._ended:
            release()
        else:
            self._at_end.append(release)

    async def close(self) -> None:
        """Let go of what the run held, and wait until all that it stored is committed."""
        self._ended = True
        for release in self._at_end:
            release()
        self._at_end.clear()
        await self.settle()

    async def history(self, query: HistoryQuery) -> list[Message]:
        """Return messages of the owner's session, this run's own included."""
        await self.settle()
        async with self._store.reading() as connection:
            return await messages.newest(connection, self.owner, query)

    async def variable(self, name: str, default: str | None) -> str:
        """Return the run's variable, or the owner's, or the environment's where the settings allow that, or `default`."""
        if (given := self.variables.get(name)) is not None:
            return given
        async with self._store.reading() as connection:
            query = select(tables.variables.c.value).where(
                tables.variables.c.user_id == self.owner, tables.variables.c.name == name
            )
            stored = (await connection.execute(query)).scalar_one_or_none()
        if stored is not None:
            return self._cipher.decrypt(stored)
        value = (self._environment.get(name) if self._fallback else None) or default
        if value is None:
            raise MissingVariableError(name)
        return value

    def announce(self, message: Message) -> None:
        """Tell the run's watcher of a message."""
        message.id = message.id or str(uuid4())
        if self._emit is not None:
            now: dict[str, Any] = {"properties": message.properties.model_copy()}
            if message.content_blocks:
                # An agent adds to them while the event waits for its watcher.
                now["content_blocks"] = copy.deepcopy(message.content_blocks)
            self._emit(MessageAdded(message.model_copy(update=now)))

    def token(self, chunk: str, message_id: str) -> None:
        """Tell the run's watcher of a token."""
        if self._emit is not None:
            self._emit(Token(chunk, message_id))

    def environment(self, name: str) -> str | None:
        """Return the operator's value of a model provider's setting."""
        return self._environment.get(name)
