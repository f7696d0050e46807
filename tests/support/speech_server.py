"""Speech services: OpenAI's transcriptions and speech, and ElevenLabs. The speech is that of espeak-ng."""

from __future__ import annotations

import asyncio
import io
import wave
from collections.abc import AsyncIterator
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from tests.support.realtime_server import KEY, SAMPLE_RATE
from tests.support.speech import speak

ELEVENLABS_KEY = "xi-test"
#: A text whose speech never ends.
ENDLESS = "Count to infinity."


def speech_app() -> FastAPI:
    """Return the application. It records the requests, and recognizes the words in `transcript`."""
    app = FastAPI()
    app.state.transcript = ""
    app.state.recordings = []
    app.state.spoken = []
    app.state.failure = None
    app.state.open_streams = 0
    #: The size of the speech that the network has accepted, in bytes.
    app.state.streamed_bytes = 0

    @app.post("/v1/audio/transcriptions")
    async def transcribe(request: Request) -> Response:
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return JSONResponse({"error": {"message": "Incorrect API key provided."}}, 401)
        if app.state.failure is not None:
            return Response(app.state.failure, 500)
        form = await request.form()
        file = form["file"]
        assert not isinstance(file, str)
        with wave.open(io.BytesIO(await file.read())) as recording:
            assert (recording.getnchannels(), recording.getsampwidth()) == (1, 2)
            assert recording.getframerate() == SAMPLE_RATE
            app.state.recordings.append(recording.readframes(recording.getnframes()))
        return JSONResponse({"text": app.state.transcript})

    async def stream(text: str) -> AsyncIterator[bytes]:
        app.state.open_streams += 1
        try:
            pcm = speak(text)
            # Pieces of an odd size: a sample may be in two of them.
            for start in range(0, len(pcm), 9999):
                yield pcm[start : start + 9999]
            while text == ENDLESS:
                yield pcm
                app.state.streamed_bytes += len(pcm)
                await asyncio.sleep(0)
        finally:
            app.state.open_streams -= 1

    @app.post("/v1/audio/speech")
    async def synthesize(request: Request) -> Response:
        body: dict[str, Any] = await request.json()
        assert request.headers.get("authorization") == f"Bearer {KEY}"
        assert body["response_format"] == "pcm"
        app.state.spoken.append(("openai", body["voice"], body["input"]))
        return StreamingResponse(stream(body["input"]))

    @app.get("/v1/voices")
    async def voices(request: Request) -> Response:
        if request.headers.get("xi-api-key") != ELEVENLABS_KEY:
            return JSONResponse({"detail": {"status": "invalid_api_key"}}, 401)
        rows = [{"voice_id": "v1", "name": "Ada", "category": "premade"}, {"voice_id": "v2", "name": "Bea"}]
        return JSONResponse({"voices": rows})

    @app.post("/v1/text-to-speech/{voice_id}/stream")
    async def synthesize_with_elevenlabs(voice_id: str, output_format: str, request: Request) -> Response:
        assert request.headers.get("xi-api-key") == ELEVENLABS_KEY
        assert output_format == "pcm_24000"
        body = await request.json()
        app.state.spoken.append(("elevenlabs", voice_id, body["text"]))
        return StreamingResponse(stream(body["text"]))

    return app
