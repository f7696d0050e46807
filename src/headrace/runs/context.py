"""A run as its components see it, on the server: an owner's messages and variables, the guarded way out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from sqlalchemy import select

from headrace.errors import HeadraceError
from headrace.graph.events import Event, MessageAdded, Token
from headrace.store import messages, tables

if TYPE_CHECKING:
    from headrace.component.context import HistoryQuery, LocalModel
    from headrace.egress import GuardedEgress
    from headrace.schema import Message
    from headrace.store.secrets import VariableCipher
    from headrace.store.store import Store

#: The operator's addresses of model servers, by the names that the providers' own clients read.
ENDPOINT_VARIABLES = ("OPENAI_BASE_URL", "OPENAI_API_BASE", "ANTHROPIC_BASE_URL", "OLLAMA_BASE_URL")


class MissingVariableError(HeadraceError):
    """A field names a variable that its owner doesn't have."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"There is no variable {name!r}. Add it under Settings, Global Variables, or type the value into the field."
        )


class Environment:
    """What flows may read of the process's environment: listed variables and the operator's endpoints."""

    def __init__(self, environ: Mapping[str, str], readable: list[str]) -> None:
        self._values = {n: v for n in (*readable, *ENDPOINT_VARIABLES) if (v := environ.get(n))}

    def get(self, name: str) -> str | None:
        """Return a variable's value where flows may read it."""
        return self._values.get(name)

    def endpoints(self) -> list[str]:
        """Return the addresses of model servers that the operator set."""
        return [v for n in ENDPOINT_VARIABLES if (v := self._values.get(n))]


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
        egress: GuardedEgress,
        local_model: LocalModel,
        environment: Environment,
        fallback: bool,
        cipher: VariableCipher,
    ) -> None:
        self.flow_id = flow_id
        self.session_id = session_id
        self.streaming = streaming
        self.egress = egress
        self.local_model = local_model
        self._store = store
        self._owner = owner
        self._emit = emit
        self._environment = environment
        self._fallback = fallback
        self._cipher = cipher
        self._pending: list[asyncio.Future[None]] = []

    async def store(self, message: Message) -> None:
        """Hand a message to the writer and announce it; `settle` waits for the commit."""
        message.id = message.id or str(uuid4())
        self._pending.append(self._store.writer.insert(tables.messages, messages.row_of(message, self._owner)))
        self.announce(message)

    async def settle(self) -> None:
        """Wait until everything that this run stored is committed."""
        pending, self._pending = self._pending, []
        if pending:
            for outcome in await asyncio.gather(*pending, return_exceptions=True):
                if isinstance(outcome, BaseException):
                    raise outcome

    async def history(self, query: HistoryQuery) -> list[Message]:
        """Return messages of the owner's session, this run's own included."""
        await self.settle()
        async with self._store.reading() as connection:
            return await messages.newest(connection, self._owner, query)

    async def variable(self, name: str, default: str | None) -> str:
        """Return the owner's variable, or the environment's where the settings allow that, or `default`."""
        async with self._store.reading() as connection:
            query = select(tables.variables.c.value).where(
                tables.variables.c.user_id == self._owner, tables.variables.c.name == name
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
            self._emit(
                MessageAdded(message.model_copy(deep=False, update={"properties": message.properties.model_copy()}))
            )

    def token(self, chunk: str, message_id: str) -> None:
        """Tell the run's watcher of a token."""
        if self._emit is not None:
            self._emit(Token(chunk, message_id))

    def environment(self, name: str) -> str | None:
        """Return the operator's value of a model provider's setting."""
        return self._environment.get(name)
