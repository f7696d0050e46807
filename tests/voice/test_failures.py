"""Both sides of a session fail in every way, and nothing is left of it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed

from tests.conftest import PASSWORD
from tests.support.flow_builder import echo_flow, model_flow
from tests.support.model_server import KEY as MODEL_KEY
from tests.support.model_server import NEVER
from tests.support.process import running
from tests.support.raw_server import answering
from tests.support.realtime_server import KEY as REALTIME_KEY
from tests.support.realtime_server import (
    ModelSide,
    RealtimeServer,
    Script,
    audio,
    created,
    done,
    function_call,
    item_done,
    listen,
    realtime_server,
    transcript_of_answer,
    transcript_of_user,
)
from tests.support.speech import speak
from tests.support.voice_client import voice_server
from tests.support.waiting import until, until_steady
from tests.voice.conftest import Voice, running_voice

SECOND = bytes(48_000)


async def close_at_once(model: ModelSide) -> None:
    await model.socket.close(1011, "out of order")


async def vanish(model: ModelSide) -> None:
    await model.send(created("resp_1"), audio("resp_1", b"ab"))
    model.socket.transport.abort()


async def send_garbage(model: ModelSide) -> None:
    await model.send("{not JSON")
    await listen(model)


async def send_list(model: ModelSide) -> None:
    await model.send("[1, 2]")
    await listen(model)


async def send_huge_event(model: ModelSide) -> None:
    await model.send({"type": "response.text.delta", "delta": "x" * (5 << 20)})
    await listen(model)


@pytest.mark.parametrize(
    ("script", "code"),
    [
        (close_at_once, "model_closed"),
        (vanish, "model_closed"),
        (send_garbage, "model_invalid"),
        (send_list, "model_invalid"),
        (send_huge_event, "model_closed"),
    ],
)
def test_a_failure_of_the_models_server_is_an_error_event_and_a_close(voice: Voice, script: Script, code: str) -> None:
    voice.model.play(script)
    with voice.server.talk(f"flow_as_tool/{voice.flow_id}") as client:
        close = client.read_to_end()
    last = client.received[-1]
    assert (last["type"], last["error"]["type"], last["error"]["code"]) == ("error", "server_error", code)
    assert close == (1011, code)


def test_an_error_event_of_the_model_reaches_the_client_and_the_session_continues(voice: Voice) -> None:
    error = {"type": "invalid_request_error", "code": "invalid_value", "message": "Bad voice.", "event_id": "mine"}

    async def complain(model: ModelSide) -> None:
        await model.send({"type": "error", "event_id": "event_1", "error": error})
        await model.receive("input_audio_buffer.append")
        await model.send({"type": "input_audio_buffer.committed"})
        await listen(model)

    voice.model.play(complain)
    with voice.server.talk(f"flow_as_tool/{voice.flow_id}") as client:
        assert client.until("error")["error"] == error
        client.send_audio(b"ab")
        client.until("input_audio_buffer.committed")


def test_a_rejected_key_is_reported(voice: Voice, tmp_path_factory: pytest.TempPathFactory) -> None:
    with running_voice(tmp_path_factory.mktemp("rejected"), voice.model) as other:
        with other.server.client as user:
            variable = next(v for v in user.get("/api/v1/variables/").json() if v["name"] == "OPENAI_API_KEY")
            user.patch(f"/api/v1/variables/{variable['id']}", json={"id": variable["id"], "value": "sk-wrong"})
        with other.server.talk(f"flow_as_tool/{other.flow_id}") as client:
            assert client.read_to_end() == (1011, "model_closed")
        assert "invalid_api_key" in client.received[-1]["error"]["message"]


@pytest.mark.parametrize(
    "response",
    [
        b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: ws://10.0.0.1/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        b"no HTTP at all\r\n\r\n",
        b"",
    ],
)
def test_a_server_that_refuses_the_connection_is_an_error_event_and_a_close(
    tmp_path_factory: pytest.TempPathFactory, realtime: RealtimeServer, response: bytes
) -> None:
    async def respond(_head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(response)
        await writer.drain()
        writer.close()

    with answering(respond) as port:
        settings = {"voice_realtime_url": f"ws://127.0.0.1:{port}/v1/realtime"}
        with running_voice(tmp_path_factory.mktemp("refused"), realtime, **settings) as voice:
            with voice.server.talk(f"flow_as_tool/{voice.flow_id}") as client:
                close = client.read_to_end()
            assert client.received[-1]["error"]["code"] == "model_unavailable"
            assert close == (1011, "model_unavailable")
            voice.wait_until_idle()


@pytest.fixture(scope="module")
def impatient(realtime: RealtimeServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Voice]:
    """Return a server with short time limits."""
    limits: dict[str, Any] = {"voice_send_seconds": 0.5, "voice_session_seconds": 2}
    with running_voice(tmp_path_factory.mktemp("impatient"), realtime, **limits) as voice:
        yield voice


def test_a_session_ends_at_its_time_limit(impatient: Voice) -> None:
    impatient.model.play(listen)
    with impatient.server.talk(f"flow_as_tool/{impatient.flow_id}") as client:
        close = client.read_to_end()
    assert client.received[-1]["error"]["code"] == "session_expired"
    assert close == (1000, "session_expired")
    impatient.wait_until_idle()


async def flood(model: ModelSide) -> None:
    await model.send(created("resp_1"))
    while True:
        await model.send(audio("resp_1", SECOND))


def test_a_client_that_does_not_read_ends_its_session(impatient: Voice) -> None:
    impatient.model.play(flood)
    with impatient.server.talk(f"flow_as_tool/{impatient.flow_id}", max_queue=1, close_timeout=1) as client:
        client.next()
        impatient.wait_until_idle()


def test_the_connection_of_a_client_that_never_reads_again_is_closed(realtime: RealtimeServer, tmp_path: Path) -> None:
    realtime.play(flood)
    limits = {"HEADRACE_VOICE_SEND_SECONDS": "0.5", "HEADRACE_STALL_TIMEOUT_SECONDS": "1"}
    with running(tmp_path, HEADRACE_VOICE_REALTIME_URL=realtime.url, **limits) as (base, pid):
        server = voice_server(base)
        server.set_variable("OPENAI_API_KEY", REALTIME_KEY)
        flow_id = server.create_flow(echo_flow())
        with server.talk(f"flow_as_tool/{flow_id}", max_queue=1, close_timeout=1) as client:
            client.next()
            address = client.socket.local_address
            assert address in peers_of(pid)
            until(lambda: address not in peers_of(pid))
    realtime.wait_until_closed()


def peers_of(pid: int) -> list[tuple[str, int]]:
    """Return the addresses of the other sides of a process's connections."""
    return [(c.raddr.ip, c.raddr.port) for c in psutil.Process(pid).net_connections("tcp") if c.raddr]


async def play_ten_minutes(model: ModelSide) -> None:
    await model.send(created("resp_1"))
    for second in range(600):
        await model.send(audio("resp_1", second.to_bytes(2, "little") * 24_000))
    await model.send(done("resp_1"))
    await listen(model)


def test_ten_minutes_of_unread_audio_wait_at_the_model_and_arrive_complete(voice: Voice) -> None:
    voice.model.play(play_ten_minutes)
    with voice.server.talk(f"flow_as_tool/{voice.flow_id}", max_queue=1) as client:
        client.next()
        side = voice.model.sides[-1]
        until_steady(lambda: side.sent_bytes)
        # The rest is in buffers of the system and of the test, which have a few megabytes.
        assert side.sent_bytes < 20_000_000
        client.until("response.done")
    expected = b"".join(second.to_bytes(2, "little") * 24_000 for second in range(600))
    assert client.audio() == expected


def test_real_speech_arrives_unchanged_in_both_directions(voice: Voice) -> None:
    question, answer = speak("What is the capital of France?"), speak("The capital of France is Paris.")
    pieces = [answer[n : n + 9600] for n in range(0, len(answer), 9600)]
    appended = -(-len(question) // 4800)

    async def listen_and_speak(model: ModelSide) -> None:
        for _ in range(appended):
            await model.receive("input_audio_buffer.append")
        await model.send(created("resp_1"), *[audio("resp_1", piece) for piece in pieces], done("resp_1"))
        await listen(model)

    voice.model.play(listen_and_speak)
    with voice.server.talk(f"flow_as_tool/{voice.flow_id}") as client:
        for start in range(0, len(question), 4800):
            client.send_audio(question[start : start + 4800])
        client.until("response.done")
    assert client.audio() == answer
    sent = [e["audio"] for e in voice.model.received if e["type"] == "input_audio_buffer.append"]
    assert b"".join(base64.b64decode(piece) for piece in sent) == question


CALL = function_call("Answer_Machine", "call_1", "a question")
#: The events of a turn, with two calls, audio and transcripts.
TURN: list[dict[str, Any]] = [
    {"type": "session.created"},
    {"type": "input_audio_buffer.speech_started", "item_id": "item_1", "audio_start_ms": 0},
    transcript_of_user("A question"),
    created("resp_1"),
    item_done("resp_1", CALL),
    done("resp_1", CALL),
    created("resp_2"),
    audio("resp_2", b"ab" * 4000),
    {"type": "input_audio_buffer.speech_started", "item_id": "item_2", "audio_start_ms": 0},
    audio("resp_2", b"cd" * 4000),
    transcript_of_answer("resp_2", "An answer"),
    done("resp_2"),
]
CLIENT_EVENTS: list[dict[str, Any]] = [
    {"type": "session.update", "session": {"voice": "echo"}},
    {"type": "input_audio_buffer.append", "audio": "AAAA"},
    {"type": "response.create"},
    {"type": "response.cancel"},
    {"type": "langflow.voice_mode.config", "progress_enabled": True},
    {"type": "no.such.event"},
]


@settings(max_examples=60)
@given(
    turn=st.integers(0, len(TURN)),
    client_events=st.lists(st.sampled_from(CLIENT_EVENTS), max_size=5),
    reads=st.integers(0, 12),
    end=st.sampled_from(["client closes", "client vanishes", "model closes", "model vanishes"]),
)
def test_the_end_of_either_side_at_any_moment_leaves_nothing(
    shared_voice: Voice, turn: int, client_events: list[dict[str, Any]], reads: int, end: str
) -> None:
    async def play(model: ModelSide) -> None:
        await model.send(*TURN[:turn])
        if end == "model closes":
            await model.socket.close()
        elif end == "model vanishes":
            model.socket.transport.abort()
        await listen(model)

    shared_voice.model.play(play)
    with shared_voice.server.talk(f"flow_as_tool/{shared_voice.flow_id}") as client:
        # The model may end the session meanwhile.
        with contextlib.suppress(ConnectionClosed):
            for event in client_events:
                client.socket.send(json.dumps(event))
            # Audio of an answer that is interrupted is not sent.
            for _ in range(min(reads, turn - 3)):
                client.next()
        if end.startswith("model"):
            client.read_to_end()
            assert client.received[-1]["error"]["code"] == "model_closed"
        elif end == "client vanishes":
            client.socket.socket.close()
    shared_voice.wait_until_idle()


def test_the_session_of_a_deactivated_user_ends(voice: Voice) -> None:
    with voice.server.client as admin:
        created_user = admin.post("/api/v1/users/", json={"username": "cleo", "password": PASSWORD}).json()
        admin.patch(f"/api/v1/users/{created_user['id']}", json={"is_active": True})
        cleo = voice_server(voice.server.base, "cleo")
        cleo.set_variable("OPENAI_API_KEY", REALTIME_KEY)
        flow_id = cleo.create_flow(echo_flow())
        with cleo.talk(f"flow_as_tool/{flow_id}") as client:
            client.send_audio(b"ab")
            until(lambda: voice.model.sides and "input_audio_buffer.append" in voice.model.types())
            stopped = admin.patch(f"/api/v1/users/{created_user['id']}", json={"is_active": False})
            assert stopped.status_code == 200, stopped.text
            assert client.read_to_end() == (1011, "inactive_user")
        assert client.received[-1]["error"]["code"] == "inactive_user"
        admin.delete(f"/api/v1/users/{created_user['id']}")


def test_a_client_that_leaves_stops_the_flow_that_runs_for_it(voice: Voice, model_url: str) -> None:
    flow_id = voice.server.create_flow(model_flow(model_url, MODEL_KEY), name="Never")
    call = function_call("Never", "call_1", NEVER)

    async def call_flow(model: ModelSide) -> None:
        await model.send(created("resp_1"), item_done("resp_1", call))
        await listen(model)

    voice.model.play(call_flow)
    with voice.server.talk(f"flow_as_tool/{flow_id}") as client:
        while client.next().get("status") != "running":
            pass
        assert voice.services.runner.active_runs == 1
    voice.wait_until_idle()
    until(lambda: voice.services.runner.active_runs == 0)


def test_a_server_of_the_first_version_of_the_protocol_receives_its_names(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    async def answer(model: ModelSide) -> None:
        await model.receive("response.create")
        await model.send(created("resp_1"), audio("resp_1", b"ab", delta="response.audio.delta"), done("resp_1"))
        await listen(model)

    with realtime_server() as server:
        server.play(answer)
        with running_voice(tmp_path_factory.mktemp("beta"), server, voice_realtime_protocol="beta") as voice:
            with voice.server.talk(f"flow_as_tool/{voice.flow_id}") as client:
                client.send("session.update", session={"modalities": ["audio", "text"], "temperature": 0.7})
                client.send("response.create")
                client.until("response.done")
            assert client.audio() == b"ab"
            assert server.headers[-1]["openai-beta"] == "realtime=v1"
            first, second, _ = server.received
            assert "type" not in first["session"]
            assert first["session"]["input_audio_transcription"] == {"model": "whisper-1"}
            assert second["session"] == {"modalities": ["audio", "text"], "temperature": 0.7}
