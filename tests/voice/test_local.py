"""Voice without an account: speech is recognized and synthesized on this machine."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from tests.support.realtime_server import RealtimeServer
from tests.support.speech import speak
from tests.support.voice_client import voice_server
from tests.voice.conftest import running_voice
from tests.voice.test_access import other_user

pytest.importorskip("ctranslate2", reason="the extra `voice-local` isn't installed")

QUESTION = "What is the capital of France?"


def words_of(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def test_a_user_without_a_key_talks_to_a_flow_on_this_machine(realtime: RealtimeServer, tmp_path: Path) -> None:
    question = speak(QUESTION)
    with running_voice(tmp_path, realtime, voice_speech_services="auto") as voice:
        server = type(voice.server)(voice.server.base, other_user(voice))
        with server.client as user:
            assert user.get("/api/v1/config").json()["voice_mode_available"] is True
            flow = voice.server.client.get(f"/api/v1/flows/{voice.flow_id}").json()
        flow_id = server.create_flow(flow["data"])
        with server.talk(f"flow_tts/{flow_id}/local") as client:
            client.send("session.update", session={"turn_detection": None})
            client.send_audio(question)
            client.send("input_audio_buffer.commit")
            transcript = client.until("conversation.item.input_audio_transcription.completed")["transcript"]
            assert {"what", "is", "the", "capital"} <= set(words_of(transcript)), transcript
            assert client.until("response.done")["response"]["status"] == "completed"
            # The flow repeats the question: another turn understands the answer of the synthesizer.
            client.send_audio(client.audio())
            client.send("input_audio_buffer.commit")
            again = client.until("conversation.item.input_audio_transcription.completed")["transcript"]
        assert {"what", "the", "capital"} <= set(words_of(again)), again
        voice.wait_until_idle()


def test_silence_has_no_words() -> None:
    from headrace.voice.local_recognizer import LocalRecognizer

    recognizer = LocalRecognizer()
    try:
        assert asyncio.run(recognizer.transcribe(bytes(96_000))) == ""
    finally:
        recognizer.close()


def test_selected_services_that_are_not_installed_are_an_error_event(
    realtime: RealtimeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # espeak-ng is not on this path.
    monkeypatch.setenv("PATH", str(tmp_path))
    with running_voice(tmp_path / "config", realtime, voice_speech_services="local") as voice:
        server = voice_server(voice.server.base)
        with server.talk(f"flow_tts/{voice.flow_id}") as client:
            client.read_to_end()
    assert "voice-local" in client.received[-1]["error"]["message"]
