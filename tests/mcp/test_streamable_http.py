"""MCP clients over streamable HTTP: tools, resources and prompts of the caller, with and without sessions."""

from __future__ import annotations

import asyncio
import itertools
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import httpx2
import mcp_types as types
import pytest
from mcp.shared.exceptions import MCPError

from headrace.app import create_app
from tests.conftest import PASSWORD, settings_for
from tests.support.clients import log_in, signed_in
from tests.support.flow_builder import FlowBuilder, echo_flow, model_flow
from tests.support.flows import create_flow
from tests.support.mcp_clients import (
    GLOBAL,
    MODES,
    initialize_params,
    post_message,
    project_path,
    streamable_client,
)
from tests.support.model_server import KEY, NEVER
from tests.support.server import serving
from tests.support.waiting import until


@dataclass(frozen=True)
class Account:
    """A user of the server, with an API key."""

    base: str
    key: str
    http: httpx2.Client

    @property
    def headers(self) -> dict[str, str]:
        return {"x-api-key": self.key}

    def create_project(self) -> str:
        return str(self.http.post("/api/v1/projects/", json={"name": f"p {uuid.uuid4()}"}).json()["id"])


@pytest.fixture
def account(server: str, client: httpx2.Client) -> Iterator[Account]:
    """Yield a new user of the server."""
    name = f"user-{uuid.uuid4()}"
    user = client.post("/api/v1/users/", json={"username": name, "password": PASSWORD}).json()
    client.patch(f"/api/v1/users/{user['id']}", json={"is_active": True})
    with httpx2.Client(base_url=server, timeout=60, headers=log_in(server, name)) as http:
        key = http.post("/api/v1/api_key/", json={"name": "mcp"}).json()["api_key"]
        yield Account(server, key, http)


def text_flow() -> dict[str, Any]:
    """Return a flow with a chat input and a text input, both of which it returns."""
    return (
        FlowBuilder()
        .node("ChatInput", "ChatInput-a")
        .node("TextInput", "TextInput-t", input_value="stored text")
        .node("ChatOutput", "ChatOutput-b")
        .node("TextOutput", "TextOutput-o")
        .edge("ChatInput-a", "message", "ChatOutput-b", "input_value")
        .edge("TextInput-t", "text", "TextOutput-o", "input_value")
        .data
    )


@pytest.mark.parametrize("mode", MODES)
def test_flows_that_are_offered_are_tools(account: Account, mode: str) -> None:
    create_flow(account.http, echo_flow(), name="Grüße an Ada!", description="Greets.", mcp_enabled=True)
    create_flow(
        account.http,
        echo_flow(),
        mcp_enabled=True,
        action_name="answer question",
        action_description="Answers a question.",
    )
    create_flow(account.http, echo_flow(), name="hidden")

    async def list_tools() -> list[types.Tool]:
        async with streamable_client(account.base + GLOBAL, account.headers, mode) as client:
            return (await client.list_tools()).tools

    tools = asyncio.run(list_tools())
    assert [(t.name, t.description) for t in tools] == [
        ("grue_an_ada", "Greets."),
        ("answer_question", "Answers a question."),
    ]
    assert tools[0].title == "Grüße an Ada!"
    assert set(tools[0].input_schema["properties"]) == {"input_value", "session_id"}


@pytest.mark.parametrize("mode", MODES)
def test_a_call_runs_the_flow_and_returns_text_and_structured_output(account: Account, mode: str) -> None:
    create_flow(account.http, text_flow(), name="both", mcp_enabled=True)

    async def call() -> types.CallToolResult:
        async with streamable_client(account.base + GLOBAL, account.headers, mode) as client:
            schema = (await client.list_tools()).tools[0].input_schema
            assert set(schema["properties"]) == {"input_value", "text_input", "session_id"}
            arguments = {"input_value": "hello", "text_input": "world", "session_id": "s-1"}
            return await client.call_tool("both", arguments)

    result = asyncio.run(call())
    assert [c.text for c in result.content if isinstance(c, types.TextContent)] == ["hello", "world"]
    structured = result.structured_content
    assert (structured["result"], structured["session_id"]) == ("hello", "s-1")
    assert [o["value"] for o in structured["outputs"]] == ["hello", "world"]
    stored = account.http.get("/api/v1/monitor/messages", params={"session_id": "s-1"}).json()
    assert [m["text"] for m in stored] == ["hello", "hello"]


def test_the_calls_of_a_connection_share_a_session_of_the_flow(account: Account) -> None:
    create_flow(account.http, echo_flow(), name="echo", mcp_enabled=True)

    async def sessions() -> list[str]:
        found: list[str] = []
        for _ in range(2):
            async with streamable_client(account.base + GLOBAL, account.headers) as client:
                found += [(await client.call_tool("echo", {})).structured_content["session_id"] for _ in range(2)]
        return found

    first, second, third, fourth = asyncio.run(sessions())
    assert (first, third) == (second, fourth)
    assert first != third


def test_wrong_arguments_and_failed_runs_are_errors_that_the_model_sees(account: Account) -> None:
    create_flow(account.http, echo_flow(), name="echo", mcp_enabled=True)
    create_flow(
        account.http, model_flow("http://127.0.0.1:9/v1", KEY), name="unreachable", mcp_enabled=True, description="x"
    )

    async def call(tool: str, arguments: dict[str, Any]) -> str:
        async with streamable_client(account.base + GLOBAL, account.headers) as client:
            result = await client.call_tool(tool, arguments)
            assert result.is_error
            assert isinstance(result.content[0], types.TextContent)
            return result.content[0].text

    assert "no argument 'city'" in asyncio.run(call("echo", {"city": "Rome"}))
    assert "must be a text" in asyncio.run(call("echo", {"input_value": 5}))
    assert "OpenAI" in asyncio.run(call("unreachable", {"input_value": "x"}))

    async def call_unknown() -> None:
        async with streamable_client(account.base + GLOBAL, account.headers) as client:
            with pytest.raises(MCPError, match="no tool 'nowhere'"):
                await client.call_tool("nowhere", {})

    asyncio.run(call_unknown())


def test_the_tools_of_two_projects_with_the_same_name_are_told_apart(account: Account) -> None:
    projects = [account.create_project() for _ in range(2)]
    for number, project in enumerate(projects):
        create_flow(
            account.http,
            echo_flow(),
            mcp_enabled=True,
            action_name="echo",
            description=f"of project {number}",
            folder_id=project,
        )

    async def list_tools(path: str) -> list[tuple[str, str | None]]:
        async with streamable_client(account.base + path, account.headers) as client:
            return [(t.name, t.description) for t in (await client.list_tools()).tools]

    assert asyncio.run(list_tools(GLOBAL)) == [("echo", "of project 0"), ("echo_2", "of project 1")]
    for number, project in enumerate(projects):
        assert asyncio.run(list_tools(project_path(project))) == [("echo", f"of project {number}")]


def test_a_server_of_a_project_has_a_name_of_its_own(account: Account) -> None:
    project = account.create_project()
    answer = post_message(account.http, "initialize", initialize_params(), project_path(project))
    assert f'"name":"headrace-{project}"' in answer.text
    assert '"tools":{"listChanged":true}' in answer.text


@pytest.mark.parametrize("kind", ["global", "project"])
@pytest.mark.parametrize("method", ["POST", "GET", "DELETE", "HEAD"])
def test_requests_without_valid_credentials_are_refused(account: Account, kind: str, method: str) -> None:
    path = GLOBAL if kind == "global" else project_path(account.create_project())
    with httpx2.Client(base_url=account.base, timeout=30) as anonymous:
        assert anonymous.request(method, path).status_code == 403
        assert anonymous.request(method, path, headers={"x-api-key": "sk-wrong"}).status_code == 403
        assert anonymous.request(method, path, headers={"authorization": "Bearer wrong"}).status_code == 401


@pytest.mark.parametrize("how", ["header", "query", "bearer", "login"])
@pytest.mark.parametrize("path", [GLOBAL, "/api/v1/mcp/streamable/", "/api/mcp/streamable", "/api/mcp/streamable/"])
def test_every_address_accepts_every_kind_of_credentials(account: Account, how: str, path: str) -> None:
    headers = {
        "header": account.headers,
        "query": {},
        "bearer": {"authorization": f"Bearer {account.key}"},
        "login": dict(account.http.headers),
    }[how]
    url = path + (f"?x-api-key={account.key}" if how == "query" else "")
    with httpx2.Client(base_url=account.base, timeout=30, headers=headers) as client:
        assert client.head(url).status_code == 200
        assert post_message(client, "tools/list", path=url).status_code == 200


def test_the_project_and_the_session_of_another_user_do_not_exist(account: Account, client: httpx2.Client) -> None:
    project = account.create_project()
    assert client.head(project_path(project)).status_code == 404
    assert post_message(client, "tools/list", path=project_path(project)).status_code == 404
    opened = post_message(account.http, "initialize", initialize_params())
    session = {"mcp-session-id": opened.headers["mcp-session-id"]}
    assert post_message(account.http, "ping", headers=session).status_code == 200
    assert post_message(client, "ping", headers=session).status_code == 404
    assert client.delete(GLOBAL, headers=session).status_code == 404
    assert account.http.delete(GLOBAL, headers=session).status_code == 200
    assert post_message(account.http, "ping", headers=session).status_code == 404


def test_a_client_without_a_session_needs_no_handshake(account: Account) -> None:
    create_flow(account.http, echo_flow(), name="echo", mcp_enabled=True)
    answer = post_message(account.http, "tools/call", {"name": "echo", "arguments": {"input_value": "alone"}})
    assert '"text":"alone"' in answer.text
    assert "mcp-session-id" not in answer.headers


@pytest.mark.parametrize("mode", MODES)
def test_clients_are_notified_of_a_renamed_tool_and_of_a_new_file(account: Account, mode: str) -> None:
    flow_id = create_flow(account.http, echo_flow(), name="before", mcp_enabled=True)
    attempts = itertools.count(1)

    def rename_and_upload() -> None:
        number = next(attempts)
        account.http.patch(f"/api/v1/flows/{flow_id}", json={"action_name": f"after_{number}"})
        account.http.post("/api/v2/files", files={"file": (f"new-{number}.txt", b"new", "text/plain")})

    async def names_after_the_notification() -> tuple[str, str]:
        seen: set[str] = set()
        has_both = anyio.Event()

        def note(event: object) -> None:
            seen.add(type(event).__name__.removesuffix("Notification").replace("sList", "List"))
            if {"ToolListChanged", "ResourceListChanged"} <= seen:
                has_both.set()

        async def note_message(message: object) -> None:
            note(message)

        async def change_until_noticed() -> None:
            # The client opens its stream for notifications by itself; until then, they are dropped.
            while not has_both.is_set():
                await anyio.to_thread.run_sync(rename_and_upload)
                with anyio.move_on_after(1):
                    await has_both.wait()

        async with streamable_client(
            account.base + GLOBAL, account.headers, mode, message_handler=note_message
        ) as client:
            assert [t.name for t in (await client.list_tools()).tools] == ["before"]
            with anyio.fail_after(30):
                if mode == "legacy":
                    await change_until_noticed()
                else:
                    async with client.listen(tools_list_changed=True, resources_list_changed=True) as events:
                        await anyio.to_thread.run_sync(rename_and_upload)
                        while not has_both.is_set():
                            note(await anext(events))
            file = (await client.list_resources()).resources[-1]
            return (await client.list_tools()).tools[0].name, file.name

    tool, file = asyncio.run(names_after_the_notification())
    number = next(attempts) - 1
    assert (tool, file) == (f"after_{number}", f"new-{number}.txt")


@pytest.mark.parametrize("mode", MODES)
def test_a_call_reports_progress_and_streams_tokens(account: Account, model_url: str, mode: str) -> None:
    create_flow(account.http, model_flow(model_url, KEY), name="pirate", mcp_enabled=True)
    notes: list[tuple[float, float | None, str | None]] = []
    chunks: list[str] = []

    async def call() -> types.CallToolResult:
        async def note(progress: float, total: float | None, message: str | None) -> None:
            notes.append((progress, total, message))

        async def log(params: types.LoggingMessageNotificationParams) -> None:
            assert params.logger == "pirate"
            chunks.append(params.data["chunk"])

        async with streamable_client(
            account.base + GLOBAL, account.headers, mode, logging_callback=log, log_level="info"
        ) as client:
            return await client.call_tool("pirate", {"input_value": "say one two three"}, progress_callback=note)

    result = asyncio.run(call())
    assert result.structured_content["result"] == "one two three"
    assert "".join(chunks) == "one two three"
    assert [done for done, _total, _message in notes] == [1, 2, 3, 4]
    assert {total for _done, total, _message in notes} == {4}
    assert notes[-1][2] == "Chat Output"


def test_files_are_resources_of_their_owner_only(account: Account, client: httpx2.Client) -> None:
    project = account.create_project()
    flow_id = create_flow(account.http, echo_flow(), folder_id=project)
    account.http.post("/api/v2/files", files={"file": ("notes.txt", b"read me", "text/plain")})
    account.http.post(f"/api/v1/files/upload/{flow_id}", files={"file": ("data.bin", b"\xff\x00", "text/plain")})
    owner = account.http.get("/api/v1/users/whoami").json()["id"]
    account.http.post("/api/v2/files", files={"file": (f"_mcp_servers_{owner}.json", b"{}", "application/json")})

    async def read(path: str, headers: dict[str, str]) -> dict[str, Any]:
        async with streamable_client(account.base + path, headers) as mcp:
            found = (await mcp.list_resources()).resources
            return {str(r.uri): (await mcp.read_resource(r.uri)).contents[0] for r in found}

    contents = asyncio.run(read(GLOBAL, account.headers))
    notes, data = contents.values()
    assert (notes.text, notes.mime_type) == ("read me", "text/plain")
    assert data.blob == "/wA="
    assert list(asyncio.run(read(project_path(project), account.headers))) == [data.uri]

    async def read_foreign() -> None:
        headers = {"authorization": client.headers["authorization"]}
        async with streamable_client(account.base + GLOBAL, headers) as mcp:
            with pytest.raises(MCPError, match="no resource"):
                await mcp.read_resource(notes.uri)

    asyncio.run(read_foreign())


def test_prompt_templates_are_prompts(account: Account) -> None:
    data = (
        FlowBuilder()
        .node("Prompt Template", "Prompt-p", template="You are {role}. Answer {who}.", role="a pirate", who="")
        .node("ChatOutput", "ChatOutput-b")
        .edge("Prompt-p", "prompt", "ChatOutput-b", "input_value")
        .data
    )
    create_flow(account.http, data, name="pirate", mcp_enabled=True)

    async def use() -> tuple[types.Prompt, str]:
        async with streamable_client(account.base + GLOBAL, account.headers) as client:
            prompt = (await client.list_prompts()).prompts[0]
            with pytest.raises(MCPError, match="needs the arguments who"):
                await client.get_prompt("pirate", {})
            message = (await client.get_prompt("pirate", {"who": "Ada"})).messages[0]
            assert isinstance(message.content, types.TextContent)
            return prompt, message.content.text

    prompt, text = asyncio.run(use())
    assert {a.name: a.required for a in prompt.arguments or []} == {"role": False, "who": True}
    assert text == "You are a pirate. Answer Ada."


def test_a_flow_can_use_the_tools_of_its_own_server(account: Account) -> None:
    create_flow(account.http, echo_flow(), name="inner", mcp_enabled=True)
    server = {"name": "self", "config": {"url": account.base + GLOBAL, "headers": account.headers}}
    data = (
        FlowBuilder()
        .node("ChatInput", "ChatInput-a")
        .node("MCPTools", "MCP-m", mcp_server=server, tool="inner", input_value="from inside")
        .node("ChatOutput", "ChatOutput-b")
        .edge("MCP-m", "response", "ChatOutput-b", "input_value")
        .data
    )
    create_flow(account.http, data, name="outer", mcp_enabled=True)
    answer = post_message(account.http, "tools/call", {"name": "outer", "arguments": {}})
    assert "from inside" in answer.text


@pytest.fixture(scope="module")
def small_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, str]]]:
    """Serve a server with room for one run and two sessions of a user."""
    settings = settings_for(tmp_path_factory.mktemp("small"), max_runs=1, mcp_max_sessions_per_user=2)
    with serving(create_app(settings)) as base:
        yield base, log_in(base)


@pytest.mark.parametrize("how", ["cancelled", "disconnected", "session ended"])
def test_a_call_that_its_client_abandons_frees_its_slot(
    small_server: tuple[str, dict[str, str]], model_url: str, how: str
) -> None:
    base, headers = small_server
    with httpx2.Client(base_url=base, headers=headers, timeout=60) as http:
        flow_id = create_flow(http, model_flow(model_url, KEY), mcp_enabled=True, action_name=f"slow {how}")
        echo_id = create_flow(http, echo_flow())

        def run_echo() -> int:
            return http.post(f"/api/v1/run/{echo_id}", json={"input_value": "x"}).status_code

        async def abandon() -> None:
            async with streamable_client(base + GLOBAL, headers) as client:
                call = asyncio.create_task(client.call_tool(f"slow_{how.replace(' ', '_')}", {"input_value": NEVER}))
                await anyio.to_thread.run_sync(lambda: until(lambda: run_echo() == 429))
                if how == "session ended":
                    call.cancel()
                    return
                call.cancel()
                await asyncio.gather(call, return_exceptions=True)
                await anyio.to_thread.run_sync(lambda: until(lambda: run_echo() == 200))

        if how == "disconnected":
            body = {
                "jsonrpc": "2.0",
                "id": 1,
                "method": "tools/call",
                "params": {"name": "slow_disconnected", "arguments": {"input_value": NEVER}},
            }
            accept = {"accept": "application/json, text/event-stream"}
            with (
                httpx2.Client(base_url=base, headers=headers, timeout=60) as leaving,
                leaving.stream("POST", GLOBAL, json=body, headers=accept) as response,
            ):
                assert response.status_code == 200
                until(lambda: run_echo() == 429)
        else:
            asyncio.run(abandon())
        until(lambda: run_echo() == 200)
        http.delete(f"/api/v1/flows/{flow_id}")


def test_a_flow_that_calls_itself_ends_with_an_error(small_server: tuple[str, dict[str, str]]) -> None:
    base, headers = small_server
    server = {"name": "self", "config": {"url": base + GLOBAL, "headers": headers}}
    data = (
        FlowBuilder()
        .node("MCPTools", "MCP-m", mcp_server=server, tool="endless")
        .node("ChatOutput", "ChatOutput-b")
        .edge("MCP-m", "response", "ChatOutput-b", "input_value")
        .data
    )
    with httpx2.Client(base_url=base, headers=headers, timeout=60) as http:
        create_flow(http, data, name="endless", mcp_enabled=True)
        answer = post_message(http, "tools/call", {"name": "endless", "arguments": {}})
    assert "HEADRACE_MAX_RUNS" in answer.text
    assert '"isError":true' in answer.text


def test_a_user_has_a_maximum_number_of_sessions(small_server: tuple[str, dict[str, str]]) -> None:
    base, headers = small_server
    with httpx2.Client(base_url=base, headers=headers, timeout=60) as http:
        opened = [post_message(http, "initialize", initialize_params()) for _ in range(3)]
        assert [r.status_code for r in opened] == [200, 200, 503]
        http.delete(GLOBAL, headers={"mcp-session-id": opened[0].headers["mcp-session-id"]})
        assert post_message(http, "initialize", initialize_params()).status_code == 200


def test_an_operator_can_switch_the_server_off_or_do_without_sessions(tmp_path: Path) -> None:
    with signed_in(create_app(settings_for(tmp_path / "off", mcp_server_enabled=False))) as http:
        assert http.head(GLOBAL).status_code == 501
        assert "LANGFLOW_MCP_SERVER_ENABLED" in post_message(http, "tools/list").json()["detail"]
    with signed_in(create_app(settings_for(tmp_path / "stateless", mcp_stateless=True))) as http:
        opened = post_message(http, "initialize", initialize_params())
        assert opened.status_code == 200
        assert "mcp-session-id" not in opened.headers
        assert http.get(GLOBAL, headers={"accept": "text/event-stream"}).status_code == 405
