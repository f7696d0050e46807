"""The page in docs/voice.md, in Chromium with a microphone that hears a recording."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from headrace.app import create_app
from tests.conftest import settings_for
from tests.support.browser import chromium, open_tab
from tests.support.flow_builder import echo_flow
from tests.support.realtime_server import KEY
from tests.support.server import serving
from tests.support.speech import speak, wav_of
from tests.support.speech_server import speech_app
from tests.support.voice_client import VoiceServer
from tests.support.waiting import until

pytestmark = pytest.mark.xdist_group("browser")
PAGE = Path(__file__).parents[2] / "docs" / "voice.md"
QUESTION = "What is the capital of France?"
SECOND = bytes(48_000)
#: Collects each text of the status in `statuses`.
RECORD_STATUS = """() => {
    const status = document.querySelector("#status");
    window.statuses = [];
    new MutationObserver(() => statuses.push(status.textContent)).observe(status, { childList: true });
}"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser whose user asks a question, once."""
    recording = tmp_path_factory.mktemp("microphone") / "question.wav"
    recording.write_bytes(wav_of(SECOND + speak(QUESTION) + 3 * SECOND))
    with chromium(
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={recording}%noloop",
    ) as browser:
        yield browser


def test_the_page_of_the_documentation_talks_to_a_flow(browser: Browser, tmp_path: Path) -> None:
    found = re.search(r"```html\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert found is not None
    folder = tmp_path / "page"
    folder.mkdir()
    (folder / "index.html").write_text(found[1], encoding="utf-8")
    services = speech_app()
    services.state.transcript = QUESTION
    with serving(services) as url:
        app = create_app(
            settings_for(
                tmp_path / "config",
                auto_login=True,
                superuser_password=None,
                frontend_path=folder,
                voice_audio_url=f"{url}/v1",
            )
        )
        with serving(app) as address:
            server = VoiceServer(address, {})
            with server.client as client:
                token = client.get("/api/v1/auto_login").json()["access_token"]
            server = VoiceServer(address, {"authorization": f"Bearer {token}"})
            server.set_variable("OPENAI_API_KEY", KEY)
            flow_id = server.create_flow(echo_flow())
            with open_tab(browser, address) as tab:
                tab.page.goto(f"/?flow={flow_id}")
                tab.page.evaluate(RECORD_STATUS)
                tab.page.get_by_role("button", name="Talk").click()
                expect(tab.page.get_by_role("listitem")).to_have_text(
                    [f"You: {QUESTION}", f"Flow: {QUESTION}"], timeout=30_000
                )
                # The answer is played to its end.
                tab.page.wait_for_function("() => statuses.includes('Speaking') && statuses.at(-1) === 'Listening'")
                assert tab.faults == []
            until(lambda: server.messages(flow_id) == [("User", QUESTION), ("Machine", QUESTION)])
    (recording,) = services.state.recordings
    # The microphone has heard all of the question.
    assert len(speak(QUESTION)) * 0.8 < len(recording) < len(speak(QUESTION)) * 1.6
