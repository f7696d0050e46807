"""The MCP sessions of one user over streamable HTTP, in the SDK's session managers."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import orjson
from cachetools import LRUCache
from mcp.server.session import ServerSession
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.subscriptions import (
    InMemorySubscriptionBus,
    ListenHandler,
    PromptsListChanged,
    ResourcesListChanged,
    ToolsListChanged,
)
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from headrace.mcp.flow_server import Context, FlowServer
from headrace.mcp.provider import Caller, McpProvider
from headrace.mcp.sse_sessions import CALLER, DISCONNECT, SseSessions

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

log = logging.getLogger(__name__)

SESSION_HEADER = b"mcp-session-id"
VERSION_HEADER = b"mcp-protocol-version"
#: The time in which a session must accept a notification; a client that does not read misses it.
NOTIFY_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """The limits of sessions, and the version that the server reports.

    Attributes:
        max_sessions: the number of open sessions of a user.
        idle_seconds: the time after which a session without a request or stream ends.
        max_body_bytes: the size of a request's body.
        stateless: whether no sessions are opened.
        reports_progress: whether clients that want the progress of a call receive it.
        version: the version of headrace.

    """

    max_sessions: int
    idle_seconds: float
    max_body_bytes: int
    stateless: bool
    reports_progress: bool
    version: str


class UserSessions:
    """Serves the clients of one user. Create it on the event loop, and close it."""

    def __init__(self, provider: McpProvider, options: SessionOptions) -> None:
        self._options = options
        self._bus = InMemorySubscriptionBus()
        self._listen = ListenHandler(self._bus, max_subscriptions=options.max_sessions)
        self._server = FlowServer(
            provider,
            options.version,
            _caller_of,
            reports_progress=options.reports_progress,
            listen=self._listen,
            disconnect_of=lambda context: context.request.scope["state"][DISCONNECT] if context.request else None,
            on_message=self._remember_session,
        )
        #: The way to the client of each session, by session id. A session that has ended drops what is sent to it.
        self._outbound: LRUCache[str, ServerSession] = LRUCache(options.max_sessions)
        self._sse = SseSessions(self._server, options.max_sessions, options.max_body_bytes)
        self._managers = {stateless: self._manager(stateless=stateless) for stateless in (False, True)}
        self._active_requests = 0
        self._last_use = time.monotonic()
        self._stop = asyncio.Event()
        self._is_ready = asyncio.Event()
        self._task = asyncio.create_task(self._hold_managers(), name="mcp-sessions")

    def _manager(self, *, stateless: bool) -> StreamableHTTPSessionManager:
        return StreamableHTTPSessionManager(
            self._server,
            stateless=stateless,
            max_sessions=self._options.max_sessions,
            session_idle_timeout=self._options.idle_seconds,
            max_request_body_size=self._options.max_body_bytes,
        )

    @property
    def is_idle(self) -> bool:
        """Whether all sessions have ended and no client is connected."""
        idle_for = time.monotonic() - self._last_use
        return not self._active_requests and idle_for > self._options.idle_seconds

    async def serve(self, caller: Caller, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request over streamable HTTP."""
        headers: dict[bytes, bytes] = dict(scope["headers"])
        session_id = headers.get(SESSION_HEADER)
        disconnect = asyncio.Event()
        state = scope.setdefault("state", {})
        state[CALLER] = replace(caller, session_id=session_id.decode("latin-1") if session_id else None)
        state[DISCONNECT] = disconnect

        async def watched_receive() -> Message:
            message = await receive()
            if message["type"] == "http.disconnect":
                disconnect.set()
            return message

        with self._in_use():
            await self._is_ready.wait()
            await self._route(headers, scope, watched_receive, send)
        if scope["method"] == "DELETE" and session_id:
            self._outbound.pop(session_id.decode("latin-1"), None)

    @contextlib.contextmanager
    def _in_use(self) -> Iterator[None]:
        self._active_requests += 1
        try:
            yield
        finally:
            self._active_requests -= 1
            self._last_use = time.monotonic()

    def find_sse_request(self, session_id: str) -> Scope | None:
        """Return the request that opened a session over SSE, or None if no such session is open."""
        return self._sse.find_request(session_id)

    async def serve_sse(self, endpoint: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Open a session over SSE, whose messages the client posts to `endpoint`, and serve its stream.

        Raises:
            TooManySessionsError: The user has the maximum number of open sessions.

        """
        with self._in_use():
            await self._sse.serve_stream(endpoint, scope, receive, send)

    async def serve_sse_message(
        self, endpoint: str, session_id: str, caller: Caller, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Accept a message of a session over SSE."""
        with self._in_use():
            await self._sse.serve_message(endpoint, session_id, caller, scope, receive, send)

    async def _route(self, headers: Mapping[bytes, bytes], scope: Scope, receive: Receive, send: Send) -> None:
        stateless = self._options.stateless
        if scope["method"] != "POST":
            if stateless:
                await Response(status_code=405, headers={"allow": "POST"})(scope, receive, send)
                return
        elif not stateless and SESSION_HEADER not in headers:
            body = await _read_body(receive)
            # A client opens a session with `initialize`. One that sends another request first does without.
            stateless = not _is_initialize(body)
            receive = _replay(body, receive)
        await self._managers[stateless].handle_request(scope, receive, send)

    def _remember_session(self, context: Context) -> None:
        session_id = _caller_of(context).session_id
        if session_id is not None:
            self._outbound[session_id] = context.session

    async def notify(self, *, tools: bool, resources: bool) -> None:
        """Tell the clients of all sessions that lists have changed; with `tools`, those of tools and prompts."""
        if tools:
            await self._bus.publish(ToolsListChanged())
            await self._bus.publish(PromptsListChanged())
        if resources:
            await self._bus.publish(ResourcesListChanged())
        await asyncio.gather(
            *(_notify(session, tools=tools, resources=resources) for session in list(self._outbound.values()))
        )

    async def close(self) -> None:
        """End all sessions and streams."""
        self._listen.close()
        self._sse.close()
        self._stop.set()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _hold_managers(self) -> None:
        """Hold the managers open until `close`: they must be closed in the task that opened them."""
        async with self._managers[False].run(), self._managers[True].run():
            self._is_ready.set()
            await self._stop.wait()


async def _notify(session: ServerSession, *, tools: bool, resources: bool) -> None:
    try:
        async with asyncio.timeout(NOTIFY_SECONDS):
            if tools:
                await session.send_tool_list_changed()
                await session.send_prompt_list_changed()
            if resources:
                await session.send_resource_list_changed()
    except TimeoutError:
        log.warning("An MCP client does not read its notifications, and misses one")


def _caller_of(context: Context) -> Caller:
    state: dict[str, Any] = context.request.scope["state"] if context.request is not None else {}
    caller: Caller = state[CALLER]
    return caller


def _is_initialize(body: bytes) -> bool:
    try:
        message: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    return isinstance(message, dict) and message.get("method") == "initialize"


async def _read_body(receive: Receive) -> bytes:
    chunks: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunks.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(chunks)


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that delivers a body that was already read, and then the following messages."""
    is_delivered = False

    async def replay() -> Message:
        nonlocal is_delivered
        if is_delivered:
            return await receive()
        is_delivered = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
