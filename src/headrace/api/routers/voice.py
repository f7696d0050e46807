"""WebSockets on which people talk to a flow."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, cast

from fastapi import APIRouter, WebSocket
from pydantic import BaseModel
from sqlalchemy.exc import DBAPIError
from starlette.websockets import WebSocketDisconnect

from headrace.api.dependencies import CurrentUser, ServicesDep
from headrace.api.errors import error_response
from headrace.errors import HeadraceError
from headrace.voice.provider_key import MissingProviderKeyError
from headrace.voice.session_end import ClientGoneError

if TYPE_CHECKING:
    from headrace.api.dependencies import Services
    from headrace.auth.authenticator import User
    from headrace.services.voice_sessions import VoiceSession
    from headrace.voice.session_end import Close
    from headrace.voice.sockets import ClientSocket

router = APIRouter(prefix="/api/v1/voice", tags=["Voice"])

#: The text that clients of Langflow know for every failure of this route.
INVALID_KEY = "ElevenLabs API key not found or invalid"

RunSession = Callable[["VoiceSession", "ClientSocket"], Awaitable["Close | None"]]


class ElevenLabsVoice(BaseModel):
    """A voice of ElevenLabs."""

    voice_id: str
    name: str


class VoiceListError(BaseModel):
    """The reason why voices cannot be listed. Its status is 200, as in Langflow."""

    error: str


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


@router.websocket("/ws/flow_tts/{flow_id}")
@router.websocket("/ws/flow_tts/{flow_id}/{session_id}")
async def talk_to_flow(socket: WebSocket, flow_id: str, session_id: str | None = None) -> None:
    """Open a session in which speech becomes text, the flow answers, and its answer becomes speech."""
    await _serve(socket, flow_id, session_id, _services(socket).voice_sessions.run_tts)


@router.get("/elevenlabs/voice_ids")
async def list_elevenlabs_voices(server: ServicesDep, caller: CurrentUser) -> list[ElevenLabsVoice] | VoiceListError:
    """Return the voices of the caller's account at ElevenLabs, or the reason why there are none."""
    try:
        voices = await server.voice_sessions.list_elevenlabs_voices(caller.id)
    except MissingProviderKeyError:
        return VoiceListError(error=INVALID_KEY)
    except HeadraceError as error:
        return VoiceListError(error=f"{INVALID_KEY}: {error.message}")
    return [ElevenLabsVoice(**voice) for voice in voices]


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
