"""A voice session with a realtime speech model, which has the flow as its only tool.

Events pass through in both directions. The session adds the function to the model's session, answers its calls, stores both
sides of the conversation, and stops the audio of an answer that the user interrupts. Nothing is stored between the two
connections beyond the limit of the outbox: a side that does not read slows the other one down.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from headrace.errors import HeadraceError
from headrace.voice import events
from headrace.voice.events import ClientEvent, VoiceEventError, encode, error_event, new_id, parse_client_event
from headrace.voice.outbox import Outbox
from headrace.voice.provider_key import MissingProviderKeyError
from headrace.voice.realtime_dialect import Protocol, client_item, session_options, to_beta_event
from headrace.voice.session_end import INTERNAL_ERROR, NORMAL, Close, SessionEnd
from headrace.voice.session_settings import SessionSettings
from headrace.voice.session_tasks import SessionLimits, SessionTasks
from headrace.voice.speaker import SelectSynthesizer, Speaker
from headrace.voice.tool_calls import FunctionCall, ToolCalls, function_schema

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

    from headrace.voice.conversation_log import ConversationLog
    from headrace.voice.flow_tool import FlowTool
    from headrace.voice.sockets import ClientSocket

log = logging.getLogger(__name__)

#: Options of a session or a response that the session sets itself.
_OWN_OPTIONS = ("tools", "tool_choice")
_TRANSCRIPTION_MODEL = "whisper-1"
#: Events with a text of the user or the model that is complete, and the field with the text.
_USER_TEXTS = {"conversation.item.input_audio_transcription.completed": "transcript"}
_ANSWER_TEXTS = {"response.audio_transcript.done": "transcript", "response.text.done": "text"}


@dataclass(slots=True)
class _ModelState:
    """The activity of the model, as its server reports it."""

    #: The response that the model is producing.
    response_id: str | None = None
    #: Responses that the user has interrupted: their audio is not passed on.
    interrupted: set[str] = field(default_factory=set)
    is_user_speaking: bool = False
    #: Whether a response to outputs of the function is due after the active one.
    needs_response: bool = False
    #: The ids of cancellations that the session has sent itself.
    cancellations: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class ModelConnection:
    """The connection to the server of a model, and the version of the protocol that it speaks."""

    socket: ClientConnection
    protocol: Protocol


class RealtimeSession:
    """One session between a client and a realtime model."""

    def __init__(
        self,
        client: ClientSocket,
        model: ModelConnection,
        tool: FlowTool,
        conversation: ConversationLog,
        select_synthesizer: SelectSynthesizer,
        limits: SessionLimits,
    ) -> None:
        """Create a session.

        Args:
            client: the connection to the client.
            model: the connection to the server of the model.
            tool: the flow.
            conversation: stores the messages.
            select_synthesizer: returns the synthesizer of a client that does not want the voice of the model.
            limits: the time limits of the session.

        """
        self._model = model.socket
        self._protocol = model.protocol
        self._tool = tool
        self._conversation = conversation
        self._settings = SessionSettings()
        self._state = _ModelState()
        self._outbox = Outbox()
        self._speaker = Speaker(self._outbox, self._settings, select_synthesizer)
        #: The texts of the model that another synthesizer speaks, one after the other.
        self._speeches: set[asyncio.Task[None]] = set()
        self._speech_turn = asyncio.Lock()
        self._group: asyncio.TaskGroup
        self._tasks = SessionTasks(client, self._outbox, conversation, limits)
        self._calls: ToolCalls

    async def run(self) -> Close | None:
        """Serve the session until one side ends it; return the close frame for the client, or None if it has gone."""
        try:
            return await self._tasks.run(self._start)
        finally:
            try:
                await self._model.close()
            finally:
                # A cancelled handshake leaves the connection open.
                self._model.transport.abort()

    async def _start(self, group: asyncio.TaskGroup) -> None:
        self._group = group
        self._calls = ToolCalls(group, self._tool, self._send_output, self._request_response, self._report)
        group.create_task(self._tasks.read_client(self._handle_client_message), name="voice-client")
        group.create_task(self._read_model(), name="voice-model")
        await self._send_model(
            events.SESSION_UPDATE,
            session=self._model_session({"input_audio_transcription": {"model": _TRANSCRIPTION_MODEL}}, is_first=True),
        )

    # From the client to the model.

    async def _handle_client_message(self, message: str | bytes) -> None:
        try:
            await self._handle_client_event(parse_client_event(message))
        except VoiceEventError as error:
            await self._outbox.put(error_event(error.message, code="invalid_event"))

    async def _handle_client_event(self, event: ClientEvent) -> None:
        body = event.body
        match event.type:
            case events.APPEND:
                pass
            case events.SESSION_UPDATE:
                options = body.get("session")
                if not isinstance(options, dict):
                    raise VoiceEventError("The field 'session' is not valid. Send an object with the options.")
                body = {**body, "session": self._model_session(options)}
            case events.RESPONSE_CREATE:
                if isinstance(body.get("response"), dict):
                    body = {**body, "response": self._options(body["response"])}
            case events.ITEM_CREATE:
                item = body.get("item")
                if not isinstance(item, dict):
                    raise VoiceEventError("The field 'item' is not valid. Send an object with the item.")
                await self._store_client_item(item)
                body = {**body, "item": client_item(item, self._protocol)}
            case events.RESPONSE_CANCEL:
                self._calls.cancel()
                await self._interrupt()
            case _ if event.type in events.SETTING_EVENTS:
                await self._apply_settings(event)
                return
        await self._send_raw(orjson.dumps(body))

    async def _apply_settings(self, event: ClientEvent) -> None:
        voice, provider = self._settings.voice, self._settings.provider
        self._settings.apply(event)
        options: dict[str, Any] = {}
        if self._settings.voice != voice:
            options["voice"] = self._settings.voice
        if self._settings.provider != provider:
            # The model writes its answers if another synthesizer speaks them.
            options["modalities"] = ["text"] if self._settings.provider == "elevenlabs" else ["text", "audio"]
        if options:
            await self._send_model(events.SESSION_UPDATE, session=self._model_session(options))

    def _model_session(self, options: dict[str, Any], *, is_first: bool = False) -> dict[str, Any]:
        """Return the options of a session for the model; the first ones declare the function."""
        session = self._options(options)
        note = f"Use the function {self._tool.name} to answer: it knows more than you do. Say its answer in your own words."
        if is_first or isinstance(options.get("instructions"), str):
            session["instructions"] = "\n\n".join([options.get("instructions") or "", note]).strip()
        if is_first:
            session["tools"] = [function_schema(self._tool.name, self._tool.description)]
            session["tool_choice"] = "auto"
        if self._protocol == "ga":
            session["type"] = "realtime"
        return session

    def _options(self, options: dict[str, Any]) -> dict[str, Any]:
        allowed = {name: value for name, value in options.items() if name not in _OWN_OPTIONS}
        return session_options(allowed, self._protocol)

    async def _store_client_item(self, item: dict[str, Any]) -> None:
        content = item.get("content")
        if item.get("type") != "message" or not isinstance(content, list):
            return
        texts = [part["text"] for part in content if isinstance(part, dict) and isinstance(part.get("text"), str)]
        if item.get("role") == "user":
            await self._conversation.add_user("\n".join(texts))

    # From the model to the client.

    async def _read_model(self) -> None:
        from websockets.exceptions import ConnectionClosed

        try:
            while True:
                await self._handle_model_message(await self._model.recv(decode=False))
        except ConnectionClosed as closed:
            reason = closed.rcvd.reason if closed.rcvd is not None and closed.rcvd.reason else "it gave no reason"
            await self._end(
                f"The server of the realtime model has closed the connection: {reason[:200]}.", "model_closed"
            )

    async def _handle_model_message(self, message: bytes) -> None:
        try:
            event = orjson.loads(message)
            event_type = event["type"]
        except (ValueError, TypeError, KeyError):
            await self._end(
                "The server of the realtime model has sent a message that is not an event.", "model_invalid"
            )
            return
        is_changed = self._protocol == "ga" and to_beta_event(event)
        event_type = event["type"]
        if event_type == events.AUDIO_DELTA:
            if event.get("response_id") in self._state.interrupted:
                return
        elif not await self._follow(event_type, event):
            return
        out = orjson.dumps(event) if is_changed else message
        await self._outbox.put(out, is_audio=event_type == events.AUDIO_DELTA)
        if event_type == "response.done":
            await self._finish_response(event)

    async def _follow(self, event_type: str, event: dict[str, Any]) -> bool:
        """Note the effect of an event, and return whether the client receives it."""
        state = self._state
        match event_type:
            case "response.created":
                state.response_id = _id_of(event.get("response"))
                state.needs_response = False
            case events.SPEECH_STARTED:
                state.is_user_speaking = True
                await self._interrupt(cancels=True)
            case events.SPEECH_STOPPED:
                state.is_user_speaking = False
            case "response.output_item.done":
                self._start_call(event.get("item"), str(event.get("response_id") or ""))
            case "error":
                error = event.get("error")
                cause = error.get("event_id") if isinstance(error, dict) else None
                if cause in state.cancellations:
                    # The response had ended before the session cancelled it.
                    state.cancellations.discard(cause)
                    return False
            case _ if event_type in _USER_TEXTS:
                await self._conversation.add_user(str(event.get(_USER_TEXTS[event_type]) or ""))
            case _ if event_type in _ANSWER_TEXTS:
                text = str(event.get(_ANSWER_TEXTS[event_type]) or "")
                await self._conversation.add_answer(text)
                if event_type == "response.text.done" and self._settings.provider != "openai":
                    self._start_speech(text, str(event.get("response_id") or ""), str(event.get("item_id") or ""))
        return True

    def _start_call(self, item: object, response_id: str) -> None:
        if not isinstance(item, dict) or item.get("type") != "function_call" or not item.get("call_id"):
            return
        name, arguments = str(item.get("name") or ""), str(item.get("arguments") or "")
        self._calls.start(FunctionCall(str(item["call_id"]), name, arguments, response_id))

    async def _finish_response(self, event: dict[str, Any]) -> None:
        response = event.get("response")
        response_id = _id_of(response) or ""
        if isinstance(response, dict) and response.get("status", "completed") == "completed":
            output = response.get("output")
            for item in output if isinstance(output, list) else ():
                self._start_call(item, response_id)
        state = self._state
        state.interrupted.discard(response_id)
        if state.response_id == response_id:
            state.response_id = None
        await self._calls.complete(response_id)
        if state.needs_response:
            await self._request_response()

    async def _interrupt(self, *, cancels: bool = False) -> None:
        """Stop the audio of the active response.

        Args:
            cancels: whether to cancel the response too, for a server that does not do so when the user speaks.

        """
        await self._stop_speeches()
        await self._outbox.drop_audio()
        response_id = self._state.response_id
        if response_id is None or response_id in self._state.interrupted:
            return
        self._state.interrupted.add(response_id)
        if cancels:
            cancellation = new_id("event")
            self._state.cancellations = {cancellation}
            await self._send_raw(
                orjson.dumps(
                    {"type": events.RESPONSE_CANCEL, "event_id": cancellation, "response_id": response_id},
                )
            )

    # Another synthesizer.

    def _start_speech(self, text: str, response_id: str, item_id: str) -> None:
        speech = self._group.create_task(self._speak(text, response_id, item_id), name="voice-speech")
        self._speeches.add(speech)
        speech.add_done_callback(self._speeches.discard)

    async def _speak(self, text: str, response_id: str, item_id: str) -> None:
        async with self._speech_turn:
            try:
                await self._speaker.speak(text, response_id, item_id)
            except MissingProviderKeyError as error:
                await self._outbox.close(error_event(error.message, code="missing_api_key", param=error.name))
                raise SessionEnd(Close(NORMAL, "missing_api_key")) from error
            except HeadraceError as error:
                await self._outbox.put(error_event(error.message, code="speech_failed", kind="server_error"))

    async def _stop_speeches(self) -> None:
        speeches = set(self._speeches)
        for speech in speeches:
            speech.cancel()
        if speeches:
            await asyncio.wait(speeches)

    # The function.

    async def _send_output(self, call_id: str, output: str) -> None:
        item = {"type": "function_call_output", "call_id": call_id, "output": output}
        await self._send_model(events.ITEM_CREATE, item=item)

    async def _request_response(self) -> None:
        """Request a response to the outputs, after the active response and after the user has spoken."""
        self._state.needs_response = self._state.response_id is not None or self._state.is_user_speaking
        if not self._state.needs_response:
            await self._send_model(events.RESPONSE_CREATE)

    async def _report(self, progress: bytes) -> None:
        if self._settings.progress:
            await self._outbox.put(progress)

    # Connections.

    async def _send_model(self, event_type: str, **fields: Any) -> None:
        await self._send_raw(encode(event_type, **fields))

    async def _send_raw(self, message: bytes) -> None:
        from websockets.exceptions import ConnectionClosed

        try:
            await self._model.send(message, text=True)
        except ConnectionClosed:
            # The task that reads from the model ends the session, once the client has received everything.
            log.debug("an event was not sent, because the server of the realtime model has closed the connection")

    async def _end(self, message: str, code: str) -> None:
        await self._outbox.close(error_event(message, code=code, kind="server_error"))
        raise SessionEnd(Close(INTERNAL_ERROR, code))


def _id_of(value: object) -> str | None:
    return str(value["id"]) if isinstance(value, dict) and value.get("id") is not None else None
