"""The events of a voice session, which are those of the OpenAI Realtime API and a few more.

Protocol: https://platform.openai.com/docs/api-reference/realtime-client-events and `realtime-server-events`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import orjson

from headrace.errors import BadRequestError

#: The maximum size of an event from a client, in bytes: about a minute of audio.
MAX_EVENT_BYTES = 4 << 20

SESSION_UPDATE = "session.update"
APPEND = "input_audio_buffer.append"
COMMIT = "input_audio_buffer.commit"
CLEAR = "input_audio_buffer.clear"
ITEM_CREATE = "conversation.item.create"
RESPONSE_CREATE = "response.create"
RESPONSE_CANCEL = "response.cancel"
#: The events of headrace.
VOICE_MODE_CONFIG = "langflow.voice_mode.config"
ELEVENLABS_CONFIG = "langflow.elevenlabs.config"
VOICE_SETTINGS = "voice.settings"
SETTING_EVENTS = frozenset({VOICE_MODE_CONFIG, ELEVENLABS_CONFIG, VOICE_SETTINGS})

#: The events of the Realtime API that a client may send.
CLIENT_EVENTS = frozenset(
    {
        SESSION_UPDATE,
        APPEND,
        COMMIT,
        CLEAR,
        ITEM_CREATE,
        "conversation.item.truncate",
        "conversation.item.delete",
        "conversation.item.retrieve",
        RESPONSE_CREATE,
        RESPONSE_CANCEL,
    }
)

SPEECH_STARTED = "input_audio_buffer.speech_started"
SPEECH_STOPPED = "input_audio_buffer.speech_stopped"
AUDIO_DELTA = "response.audio.delta"
AUDIO_DONE = "response.audio.done"
PROGRESS = "flow.build.progress"


class VoiceEventError(BadRequestError):
    """A client sent an event that is not valid."""


@dataclass(frozen=True, slots=True)
class ClientEvent:
    """An event from a client: its type, and its JSON object."""

    type: str
    body: dict[str, Any]

    @property
    def event_id(self) -> str | None:
        """The id that the client chose for the event."""
        event_id = self.body.get("event_id")
        return event_id if isinstance(event_id, str) else None


def parse_client_event(text: str | bytes) -> ClientEvent:
    """Return the event in a message of a client.

    Raises:
        VoiceEventError: The message is not an event that a client may send.

    """
    if len(text) > MAX_EVENT_BYTES:
        raise VoiceEventError(
            f"The event is larger than {MAX_EVENT_BYTES >> 20} MiB. Send the audio in several {APPEND!r} events."
        )
    try:
        body = orjson.loads(text)
    except ValueError as error:
        raise VoiceEventError(f"The event is not valid JSON: {error}. Send one JSON object in each message.") from error
    event_type = body.get("type") if isinstance(body, dict) else None
    if not isinstance(event_type, str):
        raise VoiceEventError("The event has no 'type'. Send a JSON object with the type of the event.")
    if event_type not in CLIENT_EVENTS and event_type not in SETTING_EVENTS:
        known = ", ".join(sorted(CLIENT_EVENTS | SETTING_EVENTS))
        raise VoiceEventError(f"The event type {event_type[:100]!r} is not valid. Send one of {known}.")
    return ClientEvent(event_type, body)


def encode(event_type: str, **fields: Any) -> bytes:
    """Return the message of a server event, with an id of its own."""
    return orjson.dumps({"type": event_type, "event_id": new_id("event"), **fields})


def error_event(
    message: str,
    *,
    code: str,
    kind: str = "invalid_request_error",
    param: str | None = None,
    cause: str | None = None,
) -> bytes:
    """Return the message of an error event.

    Args:
        message: the problem and the remedy.
        code: the problem as an identifier.
        kind: `invalid_request_error` for a mistake of the client, `server_error` for all others.
        param: the name of the variable or field that the error is about.
        cause: the id of the client's event that caused the error.

    """
    error = {"type": kind, "code": code, "message": message, "param": param, "event_id": cause}
    return encode("error", error=error)


def new_id(kind: str) -> str:
    """Return a new id, such as `event_…` or `item_…`."""
    return f"{kind}_{uuid4().hex[:20]}"
