"""Services that turn speech into text and text into speech, over HTTP.

Protocols: OpenAI's `POST /audio/transcriptions` and `POST /audio/speech`; ElevenLabs' `GET /v1/voices` and
`POST /v1/text-to-speech/{voice_id}/stream`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

import httpx2

from headrace.errors import BadGatewayError
from headrace.voice.audio import to_wav

if TYPE_CHECKING:
    from headrace.net.egress import EgressGuard
    from headrace.settings import VoiceSettings

#: The limit of the connection and of each wait for bytes.
TIMEOUT_SECONDS = 60.0
#: Characters of the error of a service that are passed on.
MAX_ERROR_CHARACTERS = 500
#: Bytes of an error's body that are read.
MAX_ERROR_BYTES = 20_000


class SpeechServiceError(BadGatewayError):
    """A speech service failed."""

    def __init__(self, service: str, problem: str) -> None:
        super().__init__(f"{service} failed: {problem}. Check the key and the settings of voice, or try again.")


class Recognizer(Protocol):
    """Turns speech into text."""

    async def transcribe(self, pcm: bytes) -> str:
        """Return the words in the audio.

        Raises:
            SpeechServiceError: The service failed.

        """
        ...


class Synthesizer(Protocol):
    """Turns text into speech."""

    def speak(self, text: str) -> AsyncIterator[bytes]:
        """Yield the audio of a text.

        Raises:
            SpeechServiceError: The service failed.

        """
        ...


class OpenAIRecognizer:
    """The transcriptions of OpenAI's API."""

    def __init__(self, egress: EgressGuard, settings: VoiceSettings, key: str) -> None:
        self._egress = egress
        self._url = f"{settings.audio_url.rstrip('/')}/audio/transcriptions"
        self._model = settings.transcription_model
        self._headers = {"authorization": f"Bearer {key}"}

    async def transcribe(self, pcm: bytes) -> str:
        """Return the words in the audio; see `Recognizer`."""
        files = {"file": ("speech.wav", to_wav(pcm), "audio/wav")}
        request = {"headers": self._headers, "data": {"model": self._model, "response_format": "json"}, "files": files}
        body = await _request_json(self._egress, "The transcription", "POST", self._url, request)
        text = body.get("text")
        if not isinstance(text, str):
            raise SpeechServiceError("The transcription", "the response has no text")
        return text.strip()


class OpenAISynthesizer:
    """The speech of OpenAI's API."""

    def __init__(self, egress: EgressGuard, settings: VoiceSettings, key: str, voice: str) -> None:
        self._egress = egress
        self._url = f"{settings.audio_url.rstrip('/')}/audio/speech"
        self._body = {"model": settings.speech_model, "voice": voice, "response_format": "pcm"}
        self._headers = {"authorization": f"Bearer {key}"}

    async def speak(self, text: str) -> AsyncIterator[bytes]:
        """Yield the audio of a text; see `Synthesizer`."""
        request = {"headers": self._headers, "json": {**self._body, "input": text}}
        async with _stream(self._egress, "The speech synthesis", self._url, request) as chunks:
            async for chunk in chunks:
                yield chunk


class ElevenLabs:
    """The voices and the speech of ElevenLabs."""

    def __init__(self, egress: EgressGuard, settings: VoiceSettings, key: str, voice: str = "") -> None:
        """Create a client.

        Args:
            egress: creates the connections.
            settings: the URL and the model.
            key: the API key.
            voice: the id of the voice; empty for the account's first one.

        """
        self._egress = egress
        self._base = settings.elevenlabs_url.rstrip("/")
        self._model = settings.elevenlabs_model
        self._headers = {"xi-api-key": key}
        self._voice = voice

    async def list_voices(self) -> list[dict[str, str]]:
        """Return the id and the name of each voice of the account.

        Raises:
            SpeechServiceError: The service failed.

        """
        request = {"headers": self._headers}
        body = await _request_json(self._egress, "ElevenLabs", "GET", f"{self._base}/v1/voices", request)
        voices = body.get("voices")
        return [
            {"voice_id": str(voice["voice_id"]), "name": str(voice.get("name") or "")}
            for voice in (voices if isinstance(voices, list) else ())
            if isinstance(voice, dict) and voice.get("voice_id")
        ]

    async def speak(self, text: str) -> AsyncIterator[bytes]:
        """Yield the audio of a text; see `Synthesizer`."""
        if not self._voice:
            voices = await self.list_voices()
            if not voices:
                raise SpeechServiceError("ElevenLabs", "the account has no voice")
            self._voice = voices[0]["voice_id"]
        url = f"{self._base}/v1/text-to-speech/{quote(self._voice, safe='')}/stream"
        body = {"text": text, "model_id": self._model}
        request = {"headers": self._headers, "json": body, "params": {"output_format": "pcm_24000"}}
        async with _stream(self._egress, "ElevenLabs", url, request) as chunks:
            async for chunk in chunks:
                yield chunk


async def _request_json(
    egress: EgressGuard, service: str, method: str, url: str, request: dict[str, Any]
) -> dict[str, Any]:
    try:
        async with egress.client(TIMEOUT_SECONDS) as client:
            response = await client.request(method, url, **request)
        body = response.json() if response.status_code < 400 else None
    except httpx2.HTTPError as error:
        raise SpeechServiceError(service, _problem_of(error)) from error
    except ValueError as error:
        raise SpeechServiceError(service, "the response is not JSON") from error
    if response.status_code >= 400:
        raise SpeechServiceError(service, _refusal(response.status_code, response.text))
    if not isinstance(body, dict):
        raise SpeechServiceError(service, "the response is not a JSON object")
    return body


@asynccontextmanager
async def _stream(
    egress: EgressGuard, service: str, url: str, request: dict[str, Any]
) -> AsyncIterator[AsyncIterator[bytes]]:
    try:
        async with egress.client(TIMEOUT_SECONDS) as client, client.stream("POST", url, **request) as response:
            if response.status_code >= 400:
                text = b""
                async for chunk in response.aiter_bytes():
                    text += chunk
                    if len(text) > MAX_ERROR_BYTES:
                        break
                raise SpeechServiceError(service, _refusal(response.status_code, text.decode(errors="replace")))
            yield response.aiter_bytes()
    except httpx2.HTTPError as error:
        raise SpeechServiceError(service, _problem_of(error)) from error


def _refusal(status: int, text: str) -> str:
    return f"the server answered with status {status}: {' '.join(text[:MAX_ERROR_CHARACTERS].split())}"


def _problem_of(error: httpx2.HTTPError) -> str:
    return str(error)[:MAX_ERROR_CHARACTERS] or f"the server did not answer ({type(error).__name__})"
