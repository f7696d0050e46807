"""Settings of voice sessions."""

from __future__ import annotations

from typing import Annotated, Literal

from headrace.settings.declaration import IgnoreCase, SettingsGroup, setting

#: The start of the URL of a server of WebSockets, and of a web server.
_SOCKET_URL = "^wss?://[^/]"
_HTTP_URL = "^https?://[^/]"


class VoiceSettings(SettingsGroup):
    """Servers and limits of voice sessions."""

    realtime_url: str = setting(
        "HEADRACE_VOICE_REALTIME_URL",
        default="wss://api.openai.com/v1/realtime",
        pattern=_SOCKET_URL,
        description="URL of the server of the realtime speech model. Sessions may reach it despite the protection of the network.",
    )
    realtime_model: str = setting(
        "HEADRACE_VOICE_REALTIME_MODEL",
        default="gpt-realtime",
        description="Name of the realtime speech model.",
    )
    realtime_protocol: Annotated[Literal["ga", "beta"], IgnoreCase] = setting(
        "HEADRACE_VOICE_REALTIME_PROTOCOL",
        default="ga",
        description="Version of the Realtime API that the server at this URL speaks: `ga`, or `beta` for servers with its names of 2024.",
    )
    speech_services: Annotated[Literal["auto", "openai", "local"], IgnoreCase] = setting(
        "HEADRACE_VOICE_SPEECH_SERVICES",
        default="auto",
        description="Speech services of sessions without a realtime model: `local` for those on this machine, with the extra "
        "`voice-local`; `auto` for OpenAI's if the caller has a key, and otherwise the local ones if they are installed.",
    )
    audio_url: str = setting(
        "HEADRACE_VOICE_AUDIO_URL",
        default="https://api.openai.com/v1",
        pattern=_HTTP_URL,
        description="URL of the server with the routes `/audio/transcriptions` and `/audio/speech` of OpenAI's API. Sessions may reach "
        "it despite the protection of the network.",
    )
    transcription_model: str = setting(
        "HEADRACE_VOICE_TRANSCRIPTION_MODEL",
        default="gpt-4o-mini-transcribe",
        description="Name of the model that turns speech into text.",
    )
    speech_model: str = setting(
        "HEADRACE_VOICE_SPEECH_MODEL",
        default="gpt-4o-mini-tts",
        description="Name of the model that turns text into speech.",
    )
    elevenlabs_url: str = setting(
        "HEADRACE_VOICE_ELEVENLABS_URL",
        default="https://api.elevenlabs.io",
        pattern=_HTTP_URL,
        description="URL of the API of ElevenLabs. Sessions may reach it despite the protection of the network.",
    )
    elevenlabs_model: str = setting(
        "HEADRACE_VOICE_ELEVENLABS_MODEL",
        default="eleven_flash_v2_5",
        description="Id of the model of ElevenLabs that turns text into speech.",
    )
    max_sessions: int = setting(
        "HEADRACE_MAX_VOICE_SESSIONS",
        default=100,
        ge=1,
        description="Maximum number of voice sessions in a server process. One user can have at most 80 % of them, and fewer while "
        "others have some.",
    )
    session_seconds: float = setting(
        "HEADRACE_VOICE_SESSION_SECONDS",
        default=3600,
        gt=0,
        description="Time limit of a voice session, in seconds.",
    )
    send_seconds: float = setting(
        "HEADRACE_VOICE_SEND_SECONDS",
        default=30,
        gt=0,
        description="Time after which a voice session ends whose client does not read its events, in seconds.",
    )

    @property
    def urls(self) -> list[str]:
        """Return the URLs that sessions may reach."""
        return [self.realtime_url, self.audio_url, self.elevenlabs_url]
