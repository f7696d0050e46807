"""A voice session without a realtime model: speech to text, the flow, text to speech.

The events are those of the Realtime API. Each turn of the user is answered by one run of the flow.
"""

from __future__ import annotations

import asyncio
import binascii
import logging
from base64 import b64decode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headrace.errors import HeadraceError
from headrace.graph.events import Event, VertexEnded
from headrace.voice import events
from headrace.voice.audio import BYTES_PER_SECOND
from headrace.voice.events import ClientEvent, VoiceEventError, encode, error_event, new_id, parse_client_event
from headrace.voice.outbox import Outbox
from headrace.voice.provider_key import MissingProviderKeyError
from headrace.voice.session_end import NORMAL, Close, SessionEnd
from headrace.voice.session_settings import SessionSettings
from headrace.voice.session_tasks import SessionLimits, SessionTasks
from headrace.voice.speaker import SelectSynthesizer, Speaker
from headrace.voice.speech_detector import DetectionOptions, SpeechDetector
from headrace.voice.speech_services import Recognizer

if TYPE_CHECKING:
    from headrace.voice.conversation_log import ConversationLog
    from headrace.voice.flow_tool import FlowTool
    from headrace.voice.sockets import ClientSocket

log = logging.getLogger(__name__)

#: The audio of one turn, in seconds.
MAX_TURN_SECONDS = 300
#: Characters of a typed message.
MAX_TEXT_CHARACTERS = 100_000


@dataclass(frozen=True, slots=True)
class SpeechProviders:
    """The services of a session.

    Attributes:
        recognizer: turns the user's speech into text.
        select_synthesizer: returns the synthesizer that the settings of the session select.

    """

    recognizer: Recognizer
    select_synthesizer: SelectSynthesizer


@dataclass(frozen=True, slots=True)
class _Response:
    """The answer to a turn."""

    id: str
    item_id: str


class TtsSession:
    """One session with a client."""

    def __init__(
        self,
        client: ClientSocket,
        tool: FlowTool,
        conversation: ConversationLog,
        providers: SpeechProviders,
        limits: SessionLimits,
    ) -> None:
        """Create a session.

        Args:
            client: the connection to the client.
            tool: the flow.
            conversation: stores the messages that the flow does not store itself.
            providers: the speech services.
            limits: the time limits of the session.

        """
        self._tool = tool
        self._conversation = conversation
        self._recognizer = providers.recognizer
        self._settings = SessionSettings()
        self._outbox = Outbox()
        self._speaker = Speaker(self._outbox, self._settings, providers.select_synthesizer)
        self._tasks = SessionTasks(client, self._outbox, conversation, limits)
        self._detector: SpeechDetector | None = SpeechDetector(DetectionOptions())
        self._audio = bytearray()
        #: The typed message that the next response answers.
        self._typed = ""
        self._turn: asyncio.Task[None] | None = None
        self._response: _Response | None = None
        self._group: asyncio.TaskGroup

    async def run(self) -> Close | None:
        """Serve the session until one side ends it; return the close frame for the client, or None if it has gone."""
        return await self._tasks.run(self._start)

    async def _start(self, group: asyncio.TaskGroup) -> None:
        self._group = group
        await self._outbox.put(encode("session.created", session=self._session()))
        group.create_task(self._tasks.read_client(self._handle_message), name="voice-client")

    def _session(self) -> dict[str, Any]:
        detection = None
        if self._detector is not None:
            options = self._detector.options
            detection = {
                "type": "server_vad",
                "threshold": options.threshold,
                "silence_duration_ms": options.silence_milliseconds,
                "prefix_padding_ms": options.prefix_milliseconds,
            }
        return {
            "object": "realtime.session",
            "modalities": ["audio", "text"],
            "voice": self._settings.voice,
            "input_audio_format": "pcm16",
            "output_audio_format": "pcm16",
            "turn_detection": detection,
        }

    # Events of the client.

    async def _handle_message(self, message: str | bytes) -> None:
        try:
            await self._handle_event(parse_client_event(message))
        except VoiceEventError as error:
            await self._outbox.put(error_event(error.message, code="invalid_event"))

    async def _handle_event(self, event: ClientEvent) -> None:
        match event.type:
            case events.APPEND:
                await self._append(_decode_audio(event))
            case events.COMMIT:
                await self._commit()
            case events.CLEAR:
                self._audio.clear()
                await self._outbox.put(encode("input_audio_buffer.cleared"))
            case events.SESSION_UPDATE:
                await self._update(event.body.get("session"))
            case events.ITEM_CREATE:
                await self._add_item(event.body.get("item"))
            case events.RESPONSE_CREATE:
                await self._answer_typed()
            case events.RESPONSE_CANCEL:
                await self._cancel_turn()
            case _ if event.type in events.SETTING_EVENTS:
                self._settings.apply(event)
            case _:
                raise VoiceEventError(f"The event {event.type!r} has no effect in a session without a realtime model.")

    async def _append(self, pcm: bytes) -> None:
        self._audio += pcm
        if len(self._audio) > MAX_TURN_SECONDS * BYTES_PER_SECOND:
            self._audio.clear()
            raise VoiceEventError(
                f"The audio is longer than {MAX_TURN_SECONDS} s. Commit it earlier, in several turns."
            )
        detector = self._detector
        if detector is None:
            return
        for change in detector.feed(pcm):
            if change == "started":
                await self._cancel_turn()
                await self._outbox.put(encode(events.SPEECH_STARTED))
            else:
                await self._outbox.put(encode(events.SPEECH_STOPPED))
                await self._commit()
        if not detector.is_speaking:
            # Silence before the speech.
            prefix = detector.options.prefix_milliseconds * BYTES_PER_SECOND // 1000 & ~1
            del self._audio[: max(len(self._audio) - prefix, 0)]

    async def _commit(self) -> None:
        if not self._audio:
            raise VoiceEventError(f"The turn has no audio. Send it with {events.APPEND!r} first.")
        pcm = bytes(self._audio)
        self._audio.clear()
        item_id = new_id("item")
        await self._outbox.put(encode("input_audio_buffer.committed", item_id=item_id))
        await self._start_turn(lambda: self._answer_speech(pcm, item_id))

    async def _update(self, options: object) -> None:
        if not isinstance(options, dict):
            raise VoiceEventError("The field 'session' is not valid. Send an object with the options.")
        if isinstance(options.get("voice"), str):
            self._settings.apply(ClientEvent(events.VOICE_SETTINGS, {"provider": "openai", "voice": options["voice"]}))
        if "turn_detection" in options:
            detection = options["turn_detection"]
            self._detector = None if detection is None else SpeechDetector(_detection_options(detection))
        await self._outbox.put(encode("session.updated", session=self._session()))

    async def _add_item(self, item: object) -> None:
        content = item.get("content") if isinstance(item, dict) and item.get("role") == "user" else None
        if not isinstance(content, list):
            raise VoiceEventError("The field 'item' is not valid. Send a message of the user with its content.")
        texts = [part["text"] for part in content if isinstance(part, dict) and isinstance(part.get("text"), str)]
        text = "\n".join([self._typed, *texts]).strip()
        if not text or len(text) > MAX_TEXT_CHARACTERS:
            raise VoiceEventError(f"The message is empty or longer than {MAX_TEXT_CHARACTERS} characters. Send a text.")
        self._typed = text
        item = {"id": new_id("item"), "type": "message", "role": "user", "content": content}
        await self._outbox.put(encode("conversation.item.created", item=item))

    async def _answer_typed(self) -> None:
        # After a commit, the answer is on its way without this event.
        if self._typed:
            text, self._typed = self._typed, ""
            await self._start_turn(lambda: self._answer(text))

    # Turns.

    async def _start_turn(self, answer: Callable[[], Awaitable[None]]) -> None:
        await self._cancel_turn()
        self._turn = self._group.create_task(self._run_turn(answer), name="voice-turn")

    async def _cancel_turn(self) -> None:
        """Stop the run and the audio of the present turn."""
        turn, self._turn = self._turn, None
        if turn is None or turn.done():
            return
        turn.cancel()
        await asyncio.wait({turn})
        await self._outbox.drop_audio()
        await self._end_response("cancelled")

    async def _run_turn(self, answer: Callable[[], Awaitable[None]]) -> None:
        try:
            await answer()
        except MissingProviderKeyError as error:
            event = error_event(error.message, code="missing_api_key", param=error.name)
            await self._outbox.close(event)
            raise SessionEnd(Close(NORMAL, "missing_api_key")) from error
        except HeadraceError as error:
            await self._report_failure(error.message)
        except Exception:
            log.exception("unexpected error in a turn of a voice session")
            await self._report_failure("The turn failed because of an internal error.")

    async def _report_failure(self, message: str) -> None:
        await self._outbox.put(error_event(message, code="turn_failed", kind="server_error"))
        await self._end_response("failed")

    async def _end_response(self, status: str) -> None:
        response, self._response = self._response, None
        if response is not None:
            await self._outbox.put(
                encode("response.done", response={"id": response.id, "status": status, "output": []})
            )

    async def _answer_speech(self, pcm: bytes, item_id: str) -> None:
        text = await self._recognizer.transcribe(pcm)
        completed = "conversation.item.input_audio_transcription.completed"
        await self._outbox.put(encode(completed, item_id=item_id, content_index=0, transcript=text))
        if text:
            await self._answer(text)

    async def _answer(self, text: str) -> None:
        response = self._response = _Response(new_id("resp"), new_id("item"))
        await self._outbox.put(
            encode("response.created", response={"id": response.id, "status": "in_progress", "output": []})
        )
        answer = await self._tool.run(text, self._emit_progress)
        if not answer.has_stored_input:
            await self._conversation.add_user(text)
        if not answer.has_stored_answer:
            await self._conversation.add_answer(answer.text)
        place = {"response_id": response.id, "item_id": response.item_id, "output_index": 0, "content_index": 0}
        await self._outbox.put(encode("response.text.delta", **place, delta=answer.text))
        await self._outbox.put(encode("response.text.done", **place, text=answer.text))
        await self._speaker.speak(answer.text, response.id, response.item_id)
        await self._outbox.put(encode("response.audio_transcript.done", **place, transcript=answer.text))
        await self._end_response("completed")

    def _emit_progress(self, event: Event) -> Awaitable[None] | None:
        if not self._settings.progress or not isinstance(event, VertexEnded):
            return None
        vertex = {"vertex_id": event.result.vertex_id, "display_name": event.result.display_name}
        return self._outbox.put(encode(events.PROGRESS, flow_id=str(self._tool.flow_id), status="running", **vertex))


def _decode_audio(event: ClientEvent) -> bytes:
    audio = event.body.get("audio")
    try:
        pcm = b64decode(audio, validate=True) if isinstance(audio, str) else b""
    except binascii.Error:
        pcm = b""
    if not pcm or len(pcm) % 2:
        raise VoiceEventError("The field 'audio' is not valid. Send PCM16 in base64, with complete samples.")
    return pcm


def _detection_options(detection: object) -> DetectionOptions:
    if not isinstance(detection, dict):
        raise VoiceEventError("The field 'turn_detection' is not valid. Send an object, or null for none.")
    default = DetectionOptions()
    return DetectionOptions(
        _number(detection, "threshold", default.threshold, 1),
        int(_number(detection, "silence_duration_ms", default.silence_milliseconds, 10_000)),
        int(_number(detection, "prefix_padding_ms", default.prefix_milliseconds, 10_000)),
    )


def _number(options: dict[str, Any], name: str, default: float, maximum: float) -> float:
    value = options.get(name, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= maximum:
        raise VoiceEventError(f"The field {name!r} is not valid. Use a number from 0 to {maximum:g}.")
    return value
