"""A session with a realtime model: calls of the flow, audio, interruptions, messages."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.flow_builder import FlowBuilder, model_flow
from tests.support.model_server import KEY as MODEL_KEY
from tests.support.model_server import NEVER
from tests.support.realtime_server import (
    ModelSide,
    audio,
    created,
    done,
    function_call,
    item_done,
    listen,
    transcript_of_answer,
    transcript_of_user,
)
from tests.support.waiting import until
from tests.voice.conftest import Voice

TONE = bytes(range(256)) * 20


async def ask_flow_once(model: ModelSide) -> None:
    """Play a turn: the user speaks, the model calls the flow and speaks its answer."""
    await model.send({"type": "session.created", "session": {"id": "sess_1", "type": "realtime"}})
    await model.receive("input_audio_buffer.append")
    await model.receive("input_audio_buffer.commit")
    await model.send(transcript_of_user("What is the capital of France?"), created("resp_1"))
    call = function_call("Answer_Machine", "call_1", "the capital of France")
    await model.send(item_done("resp_1", call), done("resp_1", call))
    await model.receive("conversation.item.create")
    await model.receive("response.create")
    await model.send(created("resp_2"), audio("resp_2", TONE[:2560]), audio("resp_2", TONE[2560:]))
    await model.send({"type": "response.output_audio.done", "response_id": "resp_2"})
    await model.send(transcript_of_answer("resp_2", "It is Paris."), done("resp_2"))
    await listen(model)


def test_the_model_calls_the_flow_and_its_audio_reaches_the_client(voice: Voice) -> None:
    voice.model.play(ask_flow_once)
    with voice.server.talk(f"flow_as_tool/{voice.flow_id}/call-once") as client:
        client.until("session.created")
        client.send_audio(TONE)
        client.send("input_audio_buffer.commit")
        client.until("response.done")
        client.until("response.done")
    assert client.audio() == TONE
    update, append, commit, output, request = voice.model.received
    assert (append["type"], commit["type"]) == ("input_audio_buffer.append", "input_audio_buffer.commit")
    assert [tool["name"] for tool in update["session"]["tools"]] == ["Answer_Machine"]
    assert output["item"] == {
        "type": "function_call_output",
        "call_id": "call_1",
        "output": "the capital of France",
    }
    assert request["type"] == "response.create"


def test_both_sides_of_the_conversation_and_the_messages_of_the_flow_are_stored(voice: Voice) -> None:
    voice.model.play(ask_flow_once)
    with voice.server.talk(f"flow_as_tool/{voice.flow_id}/stored") as client:
        client.send_audio(TONE)
        client.send("input_audio_buffer.commit")
        client.until("response.audio_transcript.done")
    until(lambda: len(voice.server.messages("stored")) == 4)
    assert sorted(voice.server.messages("stored")) == [
        ("Machine", "It is Paris."),
        ("Machine", "the capital of France"),
        ("User", "What is the capital of France?"),
        ("User", "the capital of France"),
    ]


def test_without_a_session_id_the_messages_belong_to_the_session_of_the_flow(voice: Voice) -> None:
    async def greet(model: ModelSide) -> None:
        await model.send(transcript_of_user("Hello"))
        await listen(model)

    # The sessions of other tests belong to `voice.flow_id`.
    flow_id = voice.server.create_flow(FlowBuilder().node("ChatInput", "ChatInput-a").data, name="No session id")
    voice.model.play(greet)
    with voice.server.talk(f"flow_as_tool/{flow_id}") as client:
        client.until("conversation.item.input_audio_transcription.completed")
    assert until(lambda: voice.server.messages(flow_id)) == [("User", "Hello")]


def test_a_typed_message_is_passed_on_and_stored(voice: Voice) -> None:
    async def answer(model: ModelSide) -> None:
        await model.receive("response.create")
        await model.send(created("resp_1"))
        await model.send({"type": "response.output_text.delta", "response_id": "resp_1", "delta": "Hi"})
        await model.send({"type": "response.output_text.done", "response_id": "resp_1", "text": "Hi"}, done("resp_1"))
        await listen(model)

    voice.model.play(answer)
    content = [{"type": "input_text", "text": "Hello"}]
    with voice.server.talk(f"flow_as_tool/{voice.flow_id}/typed") as client:
        client.send("conversation.item.create", item={"type": "message", "role": "user", "content": content})
        client.send("response.create")
        assert client.until("response.text.delta")["delta"] == "Hi"
        client.until("response.done")
    assert until(lambda: sorted(voice.server.messages("typed"))[1:]) == [("User", "Hello")]
    assert ("Machine", "Hi") in voice.server.messages("typed")


def test_two_calls_of_one_response_are_both_answered_before_one_response(voice: Voice) -> None:
    calls = [function_call("Answer_Machine", f"call_{n}", f"question {n}") for n in (1, 2)]

    async def call_twice(model: ModelSide) -> None:
        await model.send(created("resp_1"))
        # Servers report a call in several events.
        await model.send(*[item_done("resp_1", call) for call in calls], done("resp_1", *calls))
        await model.receive("response.create")
        await model.send(created("resp_2"), done("resp_2"))
        await listen(model)

    voice.model.play(call_twice)
    with voice.server.talk(f"flow_as_tool/{voice.flow_id}") as client:
        client.until("response.done")
        client.until("response.done")
    outputs = [e["item"] for e in voice.model.received if e["type"] == "conversation.item.create"]
    assert sorted((item["call_id"], item["output"]) for item in outputs) == [
        ("call_1", "question 1"),
        ("call_2", "question 2"),
    ]
    assert voice.model.types().count("response.create") == 1


def test_a_call_that_is_not_valid_is_answered_with_its_problem(voice: Voice) -> None:
    calls = [
        function_call("other_function", "call_1", "x"),
        {**function_call("Answer_Machine", "call_2", "x"), "arguments": '{"input": 5}'},
        {**function_call("Answer_Machine", "call_3", "x"), "arguments": "not JSON"},
    ]

    async def call_wrongly(model: ModelSide) -> None:
        await model.send(created("resp_1"), done("resp_1", *calls))
        await model.receive("response.create")
        await model.send(created("resp_2"), done("resp_2"))
        await listen(model)

    voice.model.play(call_wrongly)
    with voice.server.talk(f"flow_as_tool/{voice.flow_id}") as client:
        client.until("response.done")
        client.until("response.done")
    outputs = [e["item"]["output"] for e in voice.model.received if e["type"] == "conversation.item.create"]
    assert [list(json.loads(output)) for output in outputs] == [["error"]] * 3


def test_a_failing_flow_is_reported_to_the_model_and_to_the_client(voice: Voice, model_url: str) -> None:
    flow_id = voice.server.create_flow(model_flow(model_url, "wrong key"), name="Broken")
    call = function_call("Broken", "call_1", "x")

    async def call_flow(model: ModelSide) -> None:
        await model.send(created("resp_1"), item_done("resp_1", call), done("resp_1", call))
        await model.receive("response.create")
        await model.send(created("resp_2"), done("resp_2"))
        await listen(model)

    voice.model.play(call_flow)
    with voice.server.talk(f"flow_as_tool/{flow_id}") as client:
        while client.next().get("status") != "failed":
            pass
        client.until("response.created")
    output = next(e["item"]["output"] for e in voice.model.received if e["type"] == "conversation.item.create")
    assert "Incorrect API key" in json.loads(output)["error"]


def run_echo(voice: Voice, *settings: tuple[str, dict[str, Any]]) -> list[dict[str, Any]]:
    call = function_call("Answer_Machine", "call_1", "x")

    async def call_flow(model: ModelSide) -> None:
        await model.receive("response.create")
        await model.send(created("resp_1"), item_done("resp_1", call), done("resp_1", call))
        await model.receive("response.create")
        await model.send(created("resp_2"), done("resp_2"))
        await listen(model)

    voice.model.play(call_flow)
    with voice.server.talk(f"flow_as_tool/{voice.flow_id}") as client:
        for event_type, fields in settings:
            client.send(event_type, **fields)
        client.send("response.create")
        client.until("response.done")
        client.until("response.done")
    return [event for event in client.received if event["type"] == "flow.build.progress"]


def test_progress_is_reported_while_the_flow_runs(voice: Voice) -> None:
    progress = run_echo(voice)
    assert [event["status"] for event in progress] == ["started", "running", "running", "completed"]
    assert [event.get("display_name") for event in progress[1:3]] == ["Chat Input", "Chat Output"]
    assert {(event["flow_id"], event["call_id"]) for event in progress} == {(voice.flow_id, "call_1")}


@pytest.mark.parametrize(
    "fields", [{"progress_enabled": False}, {"progress": False}, {"config": {"progress_enabled": False}}]
)
def test_a_client_can_turn_progress_off(voice: Voice, fields: dict[str, Any]) -> None:
    assert run_echo(voice, ("langflow.voice_mode.config", fields)) == []


def test_a_client_selects_the_voice(voice: Voice) -> None:
    run_echo(voice, ("voice.settings", {"voice": "marin"}))
    updates = [event["session"] for event in voice.model.received if event["type"] == "session.update"]
    assert updates[-1]["audio"]["output"] == {"voice": "marin"}


def test_speech_of_the_user_stops_the_audio_and_cancels_the_response(voice: Voice) -> None:
    async def be_interrupted(model: ModelSide) -> None:
        await model.send(created("resp_1"), audio("resp_1", b"ab"))
        await model.send({"type": "input_audio_buffer.speech_started", "audio_start_ms": 0, "item_id": "item_2"})
        cancel = await model.receive("response.cancel")
        assert cancel["response_id"] == "resp_1"
        # This server had cancelled the response itself, so it rejects the cancellation, and sends audio that was on its way.
        error = {"type": "invalid_request_error", "code": "response_cancel_not_active", "event_id": cancel["event_id"]}
        await model.send({"type": "error", "error": error}, audio("resp_1", b"cd"), done("resp_1", status="cancelled"))
        await model.send({"type": "input_audio_buffer.speech_stopped", "audio_end_ms": 9, "item_id": "item_2"})
        await model.send(created("resp_2"), audio("resp_2", b"ef"), done("resp_2"))
        await listen(model)

    voice.model.play(be_interrupted)
    with voice.server.talk(f"flow_as_tool/{voice.flow_id}") as client:
        client.until("input_audio_buffer.speech_started")
        client.until("response.done")
        client.until("response.done")
    assert "error" not in client.types()
    assert client.audio().endswith(b"ef")
    assert b"cd" not in client.audio()


def test_a_cancelled_response_stops_the_flow_that_it_has_called(voice: Voice, model_url: str) -> None:
    flow_id = voice.server.create_flow(model_flow(model_url, MODEL_KEY), name="Waits")
    call = function_call("Waits", "call_1", NEVER)

    async def call_flow(model: ModelSide) -> None:
        await model.send(created("resp_1"), item_done("resp_1", call), done("resp_1", call))
        await model.receive("response.cancel")
        await listen(model)

    voice.model.play(call_flow)
    with voice.server.talk(f"flow_as_tool/{flow_id}") as client:
        while client.next().get("status") != "running":
            pass
        client.send("response.cancel")
        until(lambda: "conversation.item.create" in voice.model.types())
        until(lambda: voice.services.runner.active_runs == 0)
    output = next(e["item"]["output"] for e in voice.model.received if e["type"] == "conversation.item.create")
    assert "cancelled" in json.loads(output)["error"]
    assert "response.create" not in voice.model.types()


def test_outputs_wait_for_the_active_response_before_the_next_is_requested(voice: Voice) -> None:
    call = function_call("Answer_Machine", "call_1", "x")

    async def answer_meanwhile(model: ModelSide) -> None:
        await model.send(created("resp_1"), item_done("resp_1", call))
        await model.send(done("resp_1", call), created("resp_2"))
        await model.receive("conversation.item.create")
        await model.send(audio("resp_2", b"ab"))
        # An event of the client that comes after the output shows that no response was requested before it.
        await model.receive("input_audio_buffer.commit")
        assert "response.create" not in [event["type"] for event in model.received]
        await model.send(done("resp_2"))
        await model.receive("response.create")
        await model.send({"type": "response.requested"})
        await listen(model)

    voice.model.play(answer_meanwhile)
    with voice.server.talk(f"flow_as_tool/{voice.flow_id}") as client:
        client.until("response.audio.delta")
        client.send("input_audio_buffer.commit")
        client.until("response.requested")


def test_a_client_cannot_replace_the_function(voice: Voice) -> None:
    async def receive(model: ModelSide) -> None:
        await model.receive("response.create")
        await model.send({"type": "session.updated"})
        await listen(model)

    voice.model.play(receive)
    tools = [{"type": "mcp", "server_label": "x", "server_url": "https://example.com"}]
    with voice.server.talk(f"flow_as_tool/{voice.flow_id}") as client:
        client.send("session.update", session={"tools": tools, "tool_choice": "none", "instructions": "Be brief."})
        client.send("response.create", response={"tools": tools, "instructions": "Now."})
        client.until("session.updated")
    first, second, response = voice.model.received
    assert [tool["type"] for tool in first["session"]["tools"]] == ["function"]
    assert set(second["session"]) == {"type", "instructions"}
    assert second["session"]["instructions"].startswith("Be brief.")
    assert "Answer_Machine" in second["session"]["instructions"]
    assert response["response"] == {"instructions": "Now."}


def test_the_options_of_a_session_have_the_names_of_the_servers_version(voice: Voice) -> None:
    async def receive(model: ModelSide) -> None:
        await model.receive("session.update")
        await model.receive("session.update")
        await model.send({"type": "session.updated"})
        await listen(model)

    voice.model.play(receive)
    detection = {"type": "server_vad", "silence_duration_ms": 300}
    session = {
        "modalities": ["text", "audio"],
        "voice": "echo",
        "input_audio_format": "pcm16",
        "output_audio_format": "pcm16",
        "input_audio_transcription": {"model": "whisper-1"},
        "turn_detection": detection,
        "temperature": 0.8,
        "max_response_output_tokens": 100,
    }
    with voice.server.talk(f"flow_as_tool/{voice.flow_id}") as client:
        client.send("session.update", session=session)
        client.until("session.updated")
    pcm = {"type": "audio/pcm", "rate": 24_000}
    assert voice.model.received[1]["session"] == {
        "type": "realtime",
        "output_modalities": ["audio"],
        "max_output_tokens": 100,
        "audio": {
            "output": {"voice": "echo", "format": pcm},
            "input": {"format": pcm, "transcription": {"model": "whisper-1"}, "turn_detection": detection},
        },
    }


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        ("not JSON", "not valid JSON"),
        ("[1]", "has no 'type'"),
        ('{"type": "session.delete"}', "'session.delete' is not valid"),
        ('{"type": "session.update"}', "'session' is not valid"),
        ('{"type": "conversation.item.create", "item": []}', "'item' is not valid"),
        ('{"type": "voice.settings", "voice": 5}', "'voice' is not valid"),
        ('{"type": "voice.settings", "provider": "x"}', "'x' is not valid"),
        ('{"type": "langflow.voice_mode.config", "progress_enabled": "no"}', "'progress_enabled' is not valid"),
    ],
)
def test_an_event_that_is_not_valid_is_reported_and_the_session_continues(
    voice: Voice, message: str, problem: str
) -> None:
    with voice.server.talk(f"flow_as_tool/{voice.flow_id}") as client:
        client.socket.send(message)
        error = client.until("error")["error"]
        assert problem in error["message"]
        assert (error["type"], error["code"]) == ("invalid_request_error", "invalid_event")
        client.send_audio(b"ab")
        until(lambda: "input_audio_buffer.append" in voice.model.types())


def test_the_answer_of_a_flow_that_is_changed_during_the_session_is_that_of_the_new_version(voice: Voice) -> None:
    flow_id = voice.server.create_flow(FlowBuilder().node("ChatInput", "ChatInput-a").data, name="Changes")
    call = function_call("Changes", "call_1", "x")

    async def call_flow(model: ModelSide) -> None:
        await model.receive("response.create")
        await model.send(created("resp_1"), item_done("resp_1", call), done("resp_1", call))
        await model.receive("conversation.item.create")
        await model.send({"type": "output.received"})
        await listen(model)

    voice.model.play(call_flow)
    data = (
        FlowBuilder()
        .node("TextInput", "TextInput-a", input_value="the new answer")
        .node("ChatOutput", "ChatOutput-b")
        .edge("TextInput-a", "text", "ChatOutput-b", "input_value")
        .data
    )
    with voice.server.talk(f"flow_as_tool/{flow_id}") as client, voice.server.client as user:
        assert user.patch(f"/api/v1/flows/{flow_id}", json={"data": data}).status_code == 200
        client.send("response.create")
        client.until("output.received")
    output = next(e["item"]["output"] for e in voice.model.received if e["type"] == "conversation.item.create")
    assert output == "the new answer"
