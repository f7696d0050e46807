"""WebSockets on which people talk to a flow."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, cast

from fastapi import APIRouter, WebSocket
from sqlalchemy.exc import DBAPIError
from starlette.websockets import WebSocketDisconnect

from headrace.api.errors import error_response
from headrace.errors import HeadraceError
from headrace.voice.session_end import ClientGoneError

if TYPE_CHECKING:
    from headrace.api.dependencies import Services
    from headrace.auth.authenticator import User
    from headrace.services.voice_sessions import VoiceSession
    from headrace.voice.session_end import Close
    from headrace.voice.sockets import ClientSocket

router = APIRouter(prefix="/api/v1/voice", tags=["Voice"])

RunSession = Callable[["VoiceSession", "ClientSocket"], Awaitable["Close | None"]]


class _Client:
    """The client's side of a session."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket

    async def receive(self) -> str | bytes:
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            raise ClientGoneError
        return cast("str | bytes", message.get("text") or message.get("bytes") or "")

    async def send(self, message: bytes) -> None:
        try:
            await self._socket.send({"type": "websocket.send", "text": message.decode()})
        except (WebSocketDisconnect, RuntimeError) as error:
            raise ClientGoneError from error


@router.websocket("/ws/flow_as_tool/{flow_id}")
@router.websocket("/ws/flow_as_tool/{flow_id}/{session_id}")
async def talk_to_realtime_model(socket: WebSocket, flow_id: str, session_id: str | None = None) -> None:
    """Open a session with a realtime speech model that has the flow as its only tool."""
    await _serve(socket, flow_id, session_id, _services(socket).voice_sessions.run_realtime)


async def _serve(socket: WebSocket, flow_id: str, session_id: str | None, run: RunSession) -> None:
    """Check the flow, accept the socket, and serve the session. A refusal has the status of its error."""
    user: User = socket.state.user
    async with contextlib.AsyncExitStack() as stack:
        try:
            session = await stack.enter_async_context(
                _services(socket).voice_sessions.reserve(user.id, flow_id, session_id)
            )
        except (HeadraceError, DBAPIError) as error:
            await socket.send_denial_response(error_response(error, socket.scope))
            return
        await socket.accept()
        close = await run(session, _Client(socket))
        if close is not None:
            with contextlib.suppress(WebSocketDisconnect, RuntimeError):
                await socket.close(close.code, close.reason)


def _services(socket: WebSocket) -> Services:
    return cast("Services", socket.app.state.headrace)
