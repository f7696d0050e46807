"""Who may open a voice session."""

from __future__ import annotations

import httpx2
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.conftest import PASSWORD
from tests.support.realtime_server import ModelSide, listen
from tests.support.voice_client import voice_server
from tests.voice.conftest import Voice, running_voice

KINDS = ("flow_as_tool", "flow_tts")


def refused_status(voice: Voice, path: str, **headers: str) -> int:
    """Return the status of a refused handshake."""
    url = f"{voice.server.base.replace('http', 'ws', 1)}/api/v1/voice/ws/{path}"
    with pytest.raises(InvalidStatus) as refusal, connect(url, additional_headers=headers):
        pass
    return refusal.value.response.status_code


def other_user(voice: Voice) -> dict[str, str]:
    """Return the headers of another user."""
    with voice.server.client as admin:
        user = admin.post("/api/v1/users/", json={"username": "bea", "password": PASSWORD}).json()
        if "id" in user:
            admin.patch(f"/api/v1/users/{user['id']}", json={"is_active": True})
    return voice_server(voice.server.base, "bea").headers


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("session", ["", "/some-session"])
def test_a_session_needs_credentials_and_a_flow_of_the_caller(voice: Voice, kind: str, session: str) -> None:
    path = f"{kind}/{voice.flow_id}{session}"
    assert refused_status(voice, path) == 403
    assert refused_status(voice, path, authorization="Bearer wrong") == 403
    assert refused_status(voice, path, **voice.server.headers, origin="https://elsewhere.example") == 403
    assert refused_status(voice, f"{kind}/no-such-flow{session}", **voice.server.headers) == 404
    assert refused_status(voice, path, **other_user(voice)) == 404


@pytest.mark.parametrize("kind", KINDS)
def test_a_session_opens_with_a_cookie_a_token_or_an_api_key_in_the_query(voice: Voice, kind: str) -> None:
    with voice.server.client as user:
        key = user.post("/api/v1/api_key/", json={"name": "voice"}).json()["api_key"]
    path = f"{kind}/{voice.flow_id}"
    cookie = f"access_token_lf={voice.server.headers['authorization'].removeprefix('Bearer ')}"
    for query, headers in (
        (f"?x-api-key={key}", {}),
        ("", {"cookie": cookie, "origin": voice.server.base}),
        ("", voice.server.headers),
    ):
        with voice.server.talk(path + query, additional_headers=headers) as client:
            client.socket.send("{}")
            assert client.until("error")["error"]["code"] == "invalid_event"


def test_a_session_with_too_long_a_name_is_refused(voice: Voice) -> None:
    assert refused_status(voice, f"flow_as_tool/{voice.flow_id}/{'s' * 256}", **voice.server.headers) == 422


def test_a_missing_key_is_an_error_that_names_it_and_a_clean_close(voice: Voice) -> None:
    headers = other_user(voice)
    server = type(voice.server)(voice.server.base, headers)
    flow_id = server.create_flow({"nodes": [], "edges": []}, name="Empty")
    with server.talk(f"flow_as_tool/{flow_id}") as client:
        close = client.read_to_end()
    assert [(e["type"], e["error"]["code"], e["error"]["param"]) for e in client.received] == [
        ("error", "missing_api_key", "OPENAI_API_KEY")
    ]
    assert "OPENAI_API_KEY" in client.received[0]["error"]["message"]
    assert close == (1000, "missing_api_key")


def test_the_configuration_reports_whether_a_session_can_work(voice: Voice) -> None:
    for headers, expected in ((voice.server.headers, True), (other_user(voice), False)):
        config = httpx2.get(f"{voice.server.base}/api/v1/config", headers=headers).json()
        assert config["voice_mode_available"] is expected


def test_the_key_of_the_caller_and_the_configured_model_are_sent_to_the_server(voice: Voice) -> None:
    async def greet(model: ModelSide) -> None:
        await model.send({"type": "session.created"})
        await listen(model)

    voice.model.play(greet)
    with voice.server.talk(f"flow_as_tool/{voice.flow_id}") as client:
        client.until("session.created")
    assert voice.model.headers[-1]["authorization"] == "Bearer sk-realtime"
    assert voice.model.paths[-1] == "/v1/realtime?model=gpt-realtime"


def test_sessions_of_one_user_are_limited(voice: Voice, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("few-sessions")
    with running_voice(folder, voice.model, max_voice_sessions=1) as few:
        path = f"flow_as_tool/{few.flow_id}"
        with few.server.talk(path):
            assert refused_status(few, path, **few.server.headers) == 429
        few.wait_until_idle()
        with few.server.talk(path) as client:
            client.send_audio(b"ab")
