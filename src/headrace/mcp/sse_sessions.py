"""The MCP sessions of one user over the older SSE transport (protocol 2024-11-05)."""

from __future__ import annotations

import asyncio
import contextlib
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import anyio
from mcp.server.sse import SseServerTransport

from headrace.errors import ServerBusyError

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

    from headrace.mcp.flow_server import FlowServer
    from headrace.mcp.provider import Caller

#: Keys in the state of a request.
CALLER, DISCONNECT = "mcp_caller", "mcp_disconnect"
#: The time after which a client that found no free session may try again, in seconds.
RETRY_SECONDS = 30
#: The session id in the first event of a stream, which has the address for messages.
_SESSION_ID = re.compile(rb"session_id=([0-9a-f]{32})")


class TooManySessionsError(ServerBusyError):
    """A user has the maximum number of open sessions."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"You have {limit} open MCP sessions in this server process. Close one, or ask an operator to raise "
            "HEADRACE_MCP_MAX_SESSIONS_PER_USER.",
            RETRY_SECONDS,
        )


class SseSessions:
    """Serves the streams and the messages of one user's clients."""

    def __init__(self, server: FlowServer, max_sessions: int, max_body_bytes: int) -> None:
        self._server = server
        self._max_sessions = max_sessions
        self._max_body_bytes = max_body_bytes
        self._transports: dict[str, SseServerTransport] = {}
        self._streams: set[anyio.CancelScope] = set()
        self._open: dict[str, _Stream] = {}

    def find_request(self, session_id: str) -> Scope | None:
        """Return the request that opened a session, or None if no such session is open."""
        stream = self._open.get(session_id)
        return stream.scope if stream is not None else None

    async def serve_stream(self, endpoint: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Open a session and send its messages until the client disconnects or `close` is called.

        Args:
            endpoint: the path to which the client posts its messages, below the root path.
            scope: the ASGI scope of the request.
            receive: receives the end of the connection.
            send: sends the stream.

        Raises:
            TooManySessionsError: The user has the maximum number of open sessions.

        """
        if len(self._streams) >= self._max_sessions:
            raise TooManySessionsError(self._max_sessions)
        stream = _Stream(scope, send, self._open)
        cancel_scope = anyio.CancelScope()
        self._streams.add(cancel_scope)
        try:
            with cancel_scope:
                transport = self._transport(endpoint)
                async with transport.connect_sse(scope, receive, stream.send) as (incoming, outgoing):
                    options = self._server.create_initialization_options()
                    await self._server.run(incoming, outgoing, options)
            await stream.finish()
        finally:
            stream.disconnect.set()
            self._streams.discard(cancel_scope)
            self._open.pop(stream.session_id, None)

    async def serve_message(
        self, endpoint: str, session_id: str, caller: Caller, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Pass a message of a client on to its session."""
        state = scope.setdefault("state", {})
        state[CALLER] = replace(caller, session_id=session_id)
        stream = self._open.get(session_id)
        state[DISCONNECT] = stream.disconnect if stream is not None else None
        # The client may disconnect while its message waits to be read; the response has been sent by then.
        with contextlib.suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):
            await self._transport(endpoint).handle_post_message(scope, receive, send)

    def _transport(self, endpoint: str) -> SseServerTransport:
        if endpoint not in self._transports:
            self._transports[endpoint] = SseServerTransport(endpoint, max_request_body_size=self._max_body_bytes)
        return self._transports[endpoint]

    def close(self) -> None:
        """End all streams."""
        for cancel_scope in self._streams:
            cancel_scope.cancel()


class _Stream:
    """The response of a stream, from whose first event the id of the session is read."""

    def __init__(self, scope: Scope, send: Send, open_streams: dict[str, _Stream]) -> None:
        self.scope = scope
        self._send = send
        self._open_streams = open_streams
        self.session_id = ""
        #: Set when the client has disconnected.
        self.disconnect = asyncio.Event()
        self._is_open = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._is_open = True
        elif message["type"] == "http.response.body":
            self._is_open = message.get("more_body", False)
            found = _SESSION_ID.search(message.get("body", b"")) if not self.session_id else None
            if found is not None:
                self.session_id = found[1].decode()
                self._open_streams[self.session_id] = self
        await self._send(message)

    async def finish(self) -> None:
        """End the response after `close`; one whose client has disconnected ignores it."""
        if self._is_open:
            self._is_open = False
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})
