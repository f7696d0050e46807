"""Sessions with speech to text, the flow and text to speech; and the voices of ElevenLabs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.flow_builder import FlowBuilder, model_flow
from tests.support.model_server import KEY as MODEL_KEY
from tests.support.model_server import NEVER
from tests.support.realtime_server import ModelSide, RealtimeServer, created, done, listen
from tests.support.server import serving
from tests.support.speech import speak
from tests.support.speech_server import ELEVENLABS_KEY, ENDLESS, speech_app
from tests.support.voice_client import VoiceClient
from tests.support.waiting import until, until_steady
from tests.voice.conftest import Voice, running_voice

QUESTION = "What is the capital of France?"
SILENCE = bytes(48_000)


@dataclass
class Speech:
    """The servers, with the state of the speech services."""

    voice: Voice
    state: Any

    def talk(self, flow_id: str = "", session: str = "") -> Any:
        """Open a session that ends turns only at a commit."""
        return self.voice.server.talk(f"flow_tts/{flow_id or self.voice.flow_id}{session}")


@pytest.fixture(scope="module")
def speech_services() -> Iterator[tuple[FastAPI, str]]:
    app = speech_app()
    with serving(app) as url:
        yield app, url


@pytest.fixture(scope="module")
def shared_speech(
    speech_services: tuple[FastAPI, str],
    realtime: RealtimeServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Speech]:
    app, url = speech_services
    urls: dict[str, Any] = {"voice_audio_url": f"{url}/v1", "voice_elevenlabs_url": url}
    with running_voice(tmp_path_factory.mktemp("speech"), realtime, **urls) as voice:
        yield Speech(voice, app.state)


@pytest.fixture
def speech(shared_speech: Speech) -> Iterator[Speech]:
    state = shared_speech.state
    state.transcript, state.failure = QUESTION, None
    state.recordings.clear()
    state.spoken.clear()
    yield shared_speech
    shared_speech.voice.wait_until_idle()
    until(lambda: state.open_streams == 0)


def use_manual_turns(client: VoiceClient) -> None:
    client.send("session.update", session={"turn_detection": None})
    client.until("session.updated")


def ask(client: VoiceClient, pcm: bytes) -> None:
    for start in range(0, len(pcm), 9600):
        client.send_audio(pcm[start : start + 9600])
    client.send("input_audio_buffer.commit")


def test_speech_becomes_text_the_flow_answers_and_its_answer_becomes_speech(speech: Speech) -> None:
    pcm = speak(QUESTION)
    with speech.talk(session="/spoken") as client:
        use_manual_turns(client)
        ask(client, pcm)
        transcript = client.until("conversation.item.input_audio_transcription.completed")["transcript"]
        client.until("response.done")
    assert speech.state.recordings == [pcm]
    assert transcript == QUESTION
    # The flow repeats the question.
    assert client.audio() == speak(QUESTION)
    assert speech.state.spoken == [("openai", "alloy", QUESTION)]
    answers = [event["text"] for event in client.received if event["type"] == "response.text.done"]
    assert answers == [QUESTION]
    assert [e["display_name"] for e in client.received if e["type"] == "flow.build.progress"] == [
        "Chat Input",
        "Chat Output",
    ]
    assert speech.voice.server.messages("spoken") == [("User", QUESTION), ("Machine", QUESTION)]


def test_the_messages_of_a_flow_without_chat_components_are_stored_too(speech: Speech) -> None:
    data = (
        FlowBuilder()
        .node("TextInput", "TextInput-a")
        .node("TextOutput", "TextOutput-b")
        .edge("TextInput-a", "text", "TextOutput-b", "input_value")
        .data
    )
    flow_id = speech.voice.server.create_flow(data, name="Texts")
    with speech.talk(flow_id, "/texts") as client:
        client.send("conversation.item.create", item={"role": "user", "content": [{"text": "Hello"}]})
        client.send("response.create")
        client.until("response.done")
    assert until(lambda: ("User", "Hello") in speech.voice.server.messages("texts"))


def test_the_server_notices_when_the_user_has_spoken(speech: Speech) -> None:
    pcm = speak(QUESTION)
    with speech.talk() as client:
        for piece in (SILENCE, pcm, SILENCE, SILENCE):
            for start in range(0, len(piece), 4800):
                client.send_audio(piece[start : start + 4800])
        client.until("response.done")
    types = client.types()
    assert types.index("input_audio_buffer.speech_started") < types.index("input_audio_buffer.speech_stopped")
    (recording,) = speech.state.recordings
    # The silence before the speech is removed, except for a little.
    assert len(pcm) - 9600 < len(recording) < len(pcm) + 48_000


def test_long_answers_are_spoken_from_the_first_sentence_on(speech: Speech) -> None:
    speech.state.transcript = "Hello there. This is the second sentence. This is the third."
    with speech.talk() as client:
        use_manual_turns(client)
        ask(client, speak("Hi"))
        client.until("response.done")
    assert [text for _, _, text in speech.state.spoken] == [
        "Hello there.",
        "This is the second sentence. This is the third.",
    ]


@pytest.mark.parametrize(
    ("event_type", "fields", "spoken"),
    [
        ("voice.settings", {"voice": "echo"}, ("openai", "echo")),
        ("session.update", {"session": {"voice": "echo"}}, ("openai", "echo")),
        ("langflow.elevenlabs.config", {"enabled": True, "voice_id": "v2"}, ("elevenlabs", "v2")),
        ("langflow.elevenlabs.config", {"enabled": True}, ("elevenlabs", "v1")),
        ("langflow.elevenlabs.config", {"enabled": False}, ("openai", "alloy")),
        ("voice.settings", {"provider": "elevenlabs", "voice": "v2"}, ("elevenlabs", "v2")),
    ],
)
def test_a_client_selects_the_synthesizer_and_the_voice(
    speech: Speech, elevenlabs_key: None, event_type: str, fields: dict[str, Any], spoken: tuple[str, str]
) -> None:
    with speech.talk() as client:
        use_manual_turns(client)
        client.send(event_type, **fields)
        ask(client, speak("Hi"))
        client.until("response.done")
    assert speech.state.spoken == [(*spoken, QUESTION)]
    assert client.audio() == speak(QUESTION)


@pytest.fixture
def elevenlabs_key(speech: Speech) -> Iterator[None]:
    speech.voice.server.set_variable("ELEVENLABS_API_KEY", ELEVENLABS_KEY)
    yield
    remove_variable(speech, "ELEVENLABS_API_KEY")


def remove_variable(speech: Speech, name: str) -> None:
    with speech.voice.server.client as user:
        variable = next(v for v in user.get("/api/v1/variables/").json() if v["name"] == name)
        user.delete(f"/api/v1/variables/{variable['id']}")


def test_a_missing_key_of_elevenlabs_is_an_error_that_names_it_and_a_clean_close(speech: Speech) -> None:
    with speech.talk() as client:
        use_manual_turns(client)
        client.send("langflow.elevenlabs.config", enabled=True)
        ask(client, speak("Hi"))
        close = client.read_to_end()
    assert client.received[-1]["error"]["param"] == "ELEVENLABS_API_KEY"
    assert close == (1000, "missing_api_key")


def test_the_answers_of_a_realtime_model_can_be_spoken_by_elevenlabs(speech: Speech, elevenlabs_key: None) -> None:
    async def write(model: ModelSide) -> None:
        await model.receive("response.create")
        await model.send(created("resp_1"))
        text = {"type": "response.output_text.done", "response_id": "resp_1", "item_id": "item_1", "text": QUESTION}
        await model.send(text, done("resp_1"))
        await listen(model)

    speech.voice.model.play(write)
    with speech.voice.server.talk(f"flow_as_tool/{speech.voice.flow_id}") as client:
        client.send("langflow.elevenlabs.config", enabled=True, voice_id="v2")
        client.send("response.create")
        client.until("response.audio.done")
    assert client.audio() == speak(QUESTION)
    updates = [event["session"] for event in speech.voice.model.received if event["type"] == "session.update"]
    assert updates[-1]["output_modalities"] == ["text"]


def test_the_user_interrupts_the_answer(speech: Speech) -> None:
    speech.state.transcript = ENDLESS
    with speech.talk() as client:
        use_manual_turns(client)
        ask(client, speak("Hi"))
        client.until("response.audio.delta")
        client.send("session.update", session={"turn_detection": {"type": "server_vad"}})
        client.send_audio(speak(QUESTION))
        client.until("input_audio_buffer.speech_started")
        ended = next(event for event in client.received if event["type"] == "response.done")
        assert ended["response"]["status"] == "cancelled"
        until(lambda: speech.state.open_streams == 0)


def test_a_cancelled_response_stops_the_flow(speech: Speech, model_url: str) -> None:
    flow_id = speech.voice.server.create_flow(model_flow(model_url, MODEL_KEY), name="Waits")
    speech.state.transcript = NEVER
    with speech.talk(flow_id) as client:
        use_manual_turns(client)
        ask(client, speak("Hi"))
        client.until("flow.build.progress")
        client.send("response.cancel")
        assert client.until("response.done")["response"]["status"] == "cancelled"
        until(lambda: speech.voice.services.runner.active_runs == 0)


def test_unread_speech_waits_at_the_synthesizer(speech: Speech) -> None:
    speech.state.transcript, speech.state.streamed_bytes = ENDLESS, 0
    with speech.voice.server.talk(f"flow_tts/{speech.voice.flow_id}", max_queue=1, close_timeout=1) as client:
        use_manual_turns(client)
        ask(client, speak("Hi"))
        client.until("response.audio.delta")
        until_steady(lambda: speech.state.streamed_bytes)
        assert "voice-turn" in speech.voice.voice_tasks()
        # They are in buffers of the system and of the test.
        assert speech.state.streamed_bytes < 20_000_000


@pytest.mark.parametrize("failure", ["broken", ""])
def test_a_failing_service_is_an_error_event_and_the_session_continues(speech: Speech, failure: str) -> None:
    speech.state.failure = failure
    with speech.talk() as client:
        use_manual_turns(client)
        ask(client, speak("Hi"))
        error = client.until("error")["error"]
        assert (error["code"], error["type"]) == ("turn_failed", "server_error")
        assert f"status 500: {failure}" in error["message"]
        speech.state.failure = None
        ask(client, speak("Hi"))
        assert client.until("response.done")["response"]["status"] == "completed"


@pytest.mark.parametrize(
    ("event", "problem"),
    [
        ({"type": "input_audio_buffer.append", "audio": "no base64!"}, "'audio' is not valid"),
        ({"type": "input_audio_buffer.append", "audio": "AAAA"}, "'audio' is not valid"),
        ({"type": "input_audio_buffer.append"}, "'audio' is not valid"),
        ({"type": "input_audio_buffer.commit"}, "has no audio"),
        ({"type": "session.update"}, "'session' is not valid"),
        ({"type": "session.update", "session": {"turn_detection": 5}}, "'turn_detection' is not valid"),
        ({"type": "session.update", "session": {"turn_detection": {"threshold": 5}}}, "'threshold' is not valid"),
        ({"type": "conversation.item.create"}, "'item' is not valid"),
        ({"type": "conversation.item.create", "item": {"role": "user", "content": []}}, "empty"),
        ({"type": "conversation.item.delete", "item_id": "x"}, "has no effect"),
    ],
)
def test_an_event_that_is_not_valid_is_reported(speech: Speech, event: dict[str, Any], problem: str) -> None:
    with speech.talk() as client:
        client.send(**{"event_type": event["type"], **{k: v for k, v in event.items() if k != "type"}})
        assert problem in client.until("error")["error"]["message"]


@settings(max_examples=15)
@given(reads=st.integers(0, 12), vanishes=st.booleans(), text=st.sampled_from([ENDLESS, QUESTION, ""]))
def test_a_client_that_leaves_at_any_moment_leaves_nothing(
    shared_speech: Speech, reads: int, vanishes: bool, text: str
) -> None:
    shared_speech.state.transcript, shared_speech.state.failure = text, None
    with shared_speech.talk() as client:
        client.send("session.update", session={"turn_detection": None})
        ask(client, speak("Hi"))
        for _ in range(reads if text else min(reads, 4)):
            client.next()
        if vanishes:
            client.socket.socket.close()
    shared_speech.voice.wait_until_idle()
    until(lambda: shared_speech.state.open_streams == 0)


def test_the_voices_of_elevenlabs_are_listed(speech: Speech, elevenlabs_key: None) -> None:
    with speech.voice.server.client as user:
        response = user.get("/api/v1/voice/elevenlabs/voice_ids")
    assert response.json() == [{"voice_id": "v1", "name": "Ada"}, {"voice_id": "v2", "name": "Bea"}]


def test_voices_without_a_valid_key_are_an_error_with_status_200(speech: Speech) -> None:
    with speech.voice.server.client as user:
        path = "/api/v1/voice/elevenlabs/voice_ids"
        missing = user.get(path)
        assert (missing.status_code, missing.json()) == (200, {"error": "ElevenLabs API key not found or invalid"})
        speech.voice.server.set_variable("ELEVENLABS_API_KEY", "wrong")
        try:
            wrong = user.get(path)
        finally:
            remove_variable(speech, "ELEVENLABS_API_KEY")
        assert wrong.status_code == 200
        assert wrong.json()["error"].startswith("ElevenLabs API key not found or invalid")
        assert "401" in wrong.json()["error"]
        assert httpx2.get(f"{speech.voice.server.base}{path}").status_code == 403
