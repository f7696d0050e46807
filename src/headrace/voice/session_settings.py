"""The settings that a client chooses during a voice session.

The names of the fields are not part of a published protocol, so each has several accepted names, and each may also be in an
object `config` or `settings`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

from headrace.voice import events
from headrace.voice.events import ClientEvent, VoiceEventError

Provider = Literal["openai", "elevenlabs"]

DEFAULT_VOICE = "alloy"
#: Characters of the name or id of a voice.
MAX_VOICE_CHARACTERS = 100


@dataclass(slots=True)
class SessionSettings:
    """Whether progress is reported, and who speaks.

    Attributes:
        progress: whether `flow.build.progress` events are sent.
        provider: the speech synthesizer.
        voice: the voice of OpenAI's models.
        elevenlabs_voice: the id of the voice of ElevenLabs; empty for the account's first voice.

    """

    progress: bool = True
    provider: Provider = "openai"
    voice: str = DEFAULT_VOICE
    elevenlabs_voice: str = ""

    def apply(self, event: ClientEvent) -> None:
        """Apply an event with settings.

        Raises:
            VoiceEventError: A value is not valid.

        """
        fields = _fields_of(event.body)
        match event.type:
            case events.VOICE_MODE_CONFIG:
                self.progress = _boolean(fields, self.progress, "progress_enabled", "progress", "progressEnabled")
            case events.ELEVENLABS_CONFIG:
                self.elevenlabs_voice = _text(fields, self.elevenlabs_voice, "voice_id", "voiceId", "voice")
                is_used = _boolean(fields, True, "enabled", "elevenlabs_enabled", "use_elevenlabs")
                self.provider = "elevenlabs" if is_used else "openai"
            case _:
                self._apply_voice(fields)

    def _apply_voice(self, fields: dict[str, Any]) -> None:
        provider = _text(fields, self.provider, "provider", "speaker")
        if provider not in get_args(Provider):
            raise VoiceEventError(
                f"The provider {provider!r} is not valid. Use one of {', '.join(get_args(Provider))}."
            )
        self.provider = "elevenlabs" if provider == "elevenlabs" else "openai"
        if self.provider == "elevenlabs":
            self.elevenlabs_voice = _text(fields, self.elevenlabs_voice, "voice_id", "voiceId", "voice")
        else:
            self.voice = _text(fields, self.voice, "voice", "voice_id", "voiceId")


def _fields_of(body: dict[str, Any]) -> dict[str, Any]:
    for name in ("config", "settings"):
        if isinstance(nested := body.get(name), dict):
            return {**body, **nested}
    return body


def _boolean(fields: dict[str, Any], default: bool, *names: str) -> bool:
    for name in names:
        if name in fields:
            if not isinstance(fields[name], bool):
                raise VoiceEventError(f"The field {name!r} is not valid. Use true or false.")
            return bool(fields[name])
    return default


def _text(fields: dict[str, Any], default: str, *names: str) -> str:
    for name in names:
        value = fields.get(name)
        if value is None:
            continue
        if not isinstance(value, str) or not 0 < len(value) <= MAX_VOICE_CHARACTERS:
            raise VoiceEventError(
                f"The field {name!r} is not valid. Use a text of 1 to {MAX_VOICE_CHARACTERS} characters."
            )
        return value
    return default
