"""The run context of the server: the owner's messages, files and variables, and guarded network access."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from headrace.component.component import ComponentError
from headrace.db import messages, tables
from headrace.graph.events import Emit, MessageEmitted, TokenEmitted
from headrace.runs.variables import RunVariables
from headrace.schema.message_size import message_size

if TYPE_CHECKING:
    from sqlalchemy import Table

    from headrace.component.context import (
        Egress,
        FlowCall,
        FlowResult,
        HistoryQuery,
        LocalModel,
        McpTools,
        PythonResult,
    )
    from headrace.db.row_encoder import Row
    from headrace.graph.pace import RunPace
    from headrace.limits.account import Account
    from headrace.limits.byte_budget import ByteBudget
    from headrace.parsing.parser import Parser
    from headrace.runs.request import Origin
    from headrace.runs.services import RunServices
    from headrace.schema import Message

#: The size of the row of a message without its text and content blocks, in bytes.
MESSAGE_ROW_BYTES = 2500

CallFlow = Callable[["RunScope", "FlowCall"], Awaitable["FlowResult"]]


@dataclass(frozen=True, slots=True)
class RunScope:
    """Whose run it is, and of which flow and session."""

    owner: UUID
    flow_id: str
    session_id: str
    streaming: bool
    #: Variables by name that hold for this run alone.
    variables: Mapping[str, str]
    origin: Origin
    #: The ids of the flows that called each other, this run's own last.
    call_stack: tuple[str, ...]
    #: The account that the run counts against.
    account: Account
    #: Shared by the flows that call each other.
    pace: RunPace
    #: Counts the values of the run and of the flows that it calls.
    budget: ByteBudget


class ServerContext:
    """The context of one run."""

    def __init__(self, services: RunServices, scope: RunScope, call_flow: CallFlow, emit: Emit | None) -> None:
        self._services = services
        self._scope = scope
        self._call_flow = call_flow
        self._emit = emit
        self._variables = RunVariables(services, scope)
        self._unqueued_rows: list[tuple[Table, Row]] = []
        self._unqueued_bytes = 0
        self._pending_writes: list[asyncio.Future[None]] = []
        self._saved_ids: set[str] = set()
        self._close_callbacks: list[Callable[[], None]] = []
        self._closed = False
        self.flow_id = scope.flow_id
        self.session_id = scope.session_id
        self.streaming = scope.streaming
        self.shared_state: dict[str, Any] = {}

    @property
    def pace(self) -> RunPace:
        """The pace of the run, which it shares with the flows that it calls."""
        return self._scope.pace

    @property
    def user_id(self) -> str:
        """The owner's id."""
        return str(self._scope.owner)

    @property
    def egress(self) -> Egress:
        """Guarded access to the network."""
        return self._services.resources.egress

    async def mcp_server(self, value: object) -> McpTools:
        """Return the owner's connection to an MCP server; see `McpAccess.connect`."""
        return await self._services.mcp.connect(self._scope.owner, value)

    @property
    def local_model(self) -> LocalModel:
        """The model that runs beside the server."""
        return self._services.resources.local_model

    @property
    def parser(self) -> Parser:
        """Parses untrusted input in processes that can be killed."""
        return self._services.resources.parser

    async def run_flow(self, call: FlowCall) -> FlowResult:
        """Run another flow of the owner within this run.

        Raises:
            FlowNotFoundError: The owner has no such flow.
            FlowRecursionError: Flows call each other too deeply.
            RunError: The flow failed.

        """
        return await self._call_flow(self._scope, call)

    async def read_file(self, path: str) -> bytes:
        """Return the content of one of the owner's files.

        Raises:
            UnknownFileError: The owner has no file with this path.

        """
        return await self._services.files.read_bytes(self._scope.owner, path, self._scope.budget)

    async def check_files(self, paths: Sequence[str]) -> None:
        """Check that the run can read files of the owner.

        Raises:
            UnknownFileError: The owner has no file with a path.
            FileTooLargeToReadError: A file is too large.

        """
        await self._services.files.check_readable(self._scope.owner, paths)

    async def save_file(self, name: str, content: bytes) -> str:
        """Store a file for the owner and return its path."""

        async def chunks() -> AsyncIterator[bytes]:
            yield content

        return str((await self._services.files.add(self._scope.owner, name, chunks()))["path"])

    async def run_python(
        self, source: str, *, names: Mapping[str, object], imports: Sequence[str] = (), expression: str | None = None
    ) -> PythonResult:
        """Run Python in the owner's worker process.

        Raises:
            CodeForbiddenError: The owner may not run code.
            ComponentError: The code failed, or the flow was started by an anonymous caller.

        """
        if self._scope.origin == "public":
            raise ComponentError(
                "Code in fields and code written by models does not run for anonymous callers of public links and open webhooks."
            )
        return await self._services.custom_code.run_python(self._scope.owner, source, names, imports, expression)

    async def save_message(self, message: Message) -> None:
        """Queue a message for storage and emit it; `flush` waits for the commit.

        A message that this run has saved before, by its id, is replaced. Messages that are saved before the event loop
        does anything else are one write. Every message of a run on a server is stored here.

        Raises:
            QuotaError: the owner's messages would be too large.
            TooManyPartsError: the message has too many content blocks.

        """
        message.id = message.id or str(uuid4())
        text_bytes = message_size(message, self._scope.budget.limits.value)
        await self._services.message_quota.add(self._scope.owner, text_bytes, is_visitor=self._scope.origin == "public")
        size = MESSAGE_ROW_BYTES + text_bytes
        row = messages.to_row(message, self._scope.owner)
        if message.id in self._saved_ids:
            self._queue_rows()
            replace = self._services.database.write(lambda c: messages.replace(c, row), self._scope.account)
            self._pending_writes.append(asyncio.ensure_future(replace))
        else:
            self._saved_ids.add(message.id)
            self._scope.budget.hold(size, "The stored message")
            if not self._unqueued_rows:
                asyncio.get_running_loop().call_soon(self._queue_rows)
            self._unqueued_rows.append((tables.messages, row))
            self._unqueued_bytes += size
        self.emit_message(message)

    def _queue_rows(self) -> None:
        rows, self._unqueued_rows = self._unqueued_rows, []
        size, self._unqueued_bytes = self._unqueued_bytes, 0
        if rows:
            write = self._services.database.writer.insert_rows(rows, self._scope.account)
            write.add_done_callback(lambda _: self._scope.budget.release(size))
            self._pending_writes.append(write)

    async def flush(self) -> None:
        """Wait until everything that this run stored is committed."""
        self._queue_rows()
        pending, self._pending_writes = self._pending_writes, []
        failure: BaseException | None = None
        for write in pending:
            try:
                await write
            except Exception as error:
                failure = failure or error
        if failure is not None:
            raise failure

    def on_close(self, callback: Callable[[], None]) -> None:
        """Call `callback` when the run ends, whether it succeeds or fails; at once if it has ended."""
        if self._closed:
            callback()
        else:
            self._close_callbacks.append(callback)

    async def close(self) -> None:
        """Release the run's resources and wait until everything that it stored is committed."""
        self._closed = True
        for callback in self._close_callbacks:
            callback()
        self._close_callbacks.clear()
        await self.flush()

    async def get_messages(self, query: HistoryQuery) -> list[Message]:
        """Return messages of one of the owner's sessions, including those of this run."""
        await self.flush()
        async with self._services.database.connect() as connection:
            return await messages.list_recent(connection, self._scope.owner, query, self._scope.budget)

    async def get_variable(self, name: str, default: str | None) -> str:
        """Return the value of a variable for a field that is not secret; see `RunVariables`."""
        return await self._variables.get_variable(name, default)

    async def get_secret(self, name: str, default: str | None) -> str:
        """Return the value of a variable for a secret field; see `RunVariables`."""
        return await self._variables.get_secret(name, default)

    async def get_environment_secret(self, name: str) -> str | None:
        """Return a variable of the server's environment, or None if it is not set or the owner may not use it."""
        return await self._variables.get_environment_secret(name)

    def emit_message(self, message: Message) -> None:
        """Emit a message to the run's consumer.

        Raises:
            TooManyPartsError: the message has too many content blocks.

        """
        message.id = message.id or str(uuid4())
        if self._emit is not None:
            snapshot: dict[str, Any] = {"properties": message.properties.model_copy()}
            if message.content_blocks:
                message_size(message, self._scope.budget.limits.value)
                # An agent appends to them while the event waits for its consumer.
                snapshot["content_blocks"] = copy.deepcopy(message.content_blocks)
            self._emit(MessageEmitted(message.model_copy(update=snapshot)))

    def emit_token(self, chunk: str, message_id: str) -> None:
        """Emit a token to the run's consumer."""
        if self._emit is not None:
            self._emit(TokenEmitted(chunk, message_id))

    def get_env(self, name: str) -> str | None:
        """Return the URL in a variable of the operator."""
        return self._services.resources.environment.get(name)
