"""Flows of an attacker reach no private server, whichever component sends the request and however the address is written."""

from __future__ import annotations

import asyncio
import socket
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx2
import psutil
import pytest

from headrace.component.node_json import node_json, source_of
from headrace.net.addresses import is_public, parse_address
from tests.isolation.test_confinement import source
from tests.security.conftest import StartServer
from tests.support.canary import Canary, canary
from tests.support.custom_code import create_flow, flow_with_code
from tests.support.flow_builder import FlowBuilder, model_flow, registry
from tests.support.name_server import can_replace_name_servers, name_server, with_name_server
from tests.support.probe import AttackedServer
from tests.support.raw_server import answering, text_response

#: The only private address that components may connect to.
ALLOWED = "127.5.5.5"
SETTINGS = {
    "LANGFLOW_SSRF_ALLOWED_HOSTS": ALLOWED,
    "HEADRACE_CUSTOM_CODE": "everyone",
    "HEADRACE_CODE_ISOLATION": "process",
    "HEADRACE_MAX_FLOWS": "5000",
}
pytestmark = [pytest.mark.server(**SETTINGS), pytest.mark.any_database]

#: Spellings of loopback, private and link-local addresses.
HOSTS = [
    "127.0.0.1",
    "127.0.0.2",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0x7F.0.0.1",
    "0177.0.0.1",
    "017700000001",
    "0.0.0.0",
    "0",
    "10.0.0.1",
    "169.254.169.254",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[::ffff:0:127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::1]",
    "[2001:0:7f00:1::1]",
    "[fe80::1]",
    "[fec0::1]",
    "localhost",
    "LOCALHOST",
]
#: Addresses that a parser of URLs may take for another host than the connection does.
CONFUSING = [
    "http://{allowed}@127.0.0.1:{port}/",
    "http://{allowed}:80@127.0.0.1:{port}/",
    "http://{allowed}\\@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}\\@{allowed}/",
    "http://127.0.0.1:{port}#@{allowed}/",
    "http://127.0.0.1:{port}?@{allowed}/",
    "http://127.0.0.1%00.{allowed}:{port}/",
    "http://%31%32%37.0.0.1:{port}/",
    "http://\uff11\uff12\uff17.0.0.1:{port}/",
    "http://①②⑦.⓪.⓪.①:{port}/",
    "http://127。0。0。1:{port}/",
    "http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ:{port}/",
    "http://a.localhost:{port}/",
    "http://localhost.:{port}/",
    "http://127.0.0.1.:{port}/",
    "http://[::1%25lo]:{port}/",
    "http://\t127.0.0.1:{port}/",
    "//127.0.0.1:{port}/",
    "HTTP://127.0.0.1:{port}/",
    "http:127.0.0.1:{port}/",
    "http:///127.0.0.1:{port}/",
    "file://127.0.0.1:{port}/",
    "ftp://127.0.0.1:{port}/",
    "gopher://127.0.0.1:{port}/",
    "ws://127.0.0.1:{port}/",
    "http+unix://127.0.0.1:{port}/",
]
#: A part of each URL that no error may repeat, and the key of the model.
SECRET, KEY = "hunter2", "sk-of-mallory"
#: Errors of the guard, and of clients that refuse a spelling or a redirect themselves.
REFUSALS = ("is a private or local address", "Invalid IPv4 address", "not followed", "Redirect response")

Send = Callable[[httpx2.Client, str], httpx2.Response]


def run(client: httpx2.Client, data: dict[str, Any], text: str = "x") -> httpx2.Response:
    flow = create_flow(client, data, name=f"egress {uuid.uuid4()}")
    return client.post(f"/api/v1/run/{flow['id']}", json={"input_value": text})


def component_flow(type_name: str, output: str, **values: Any) -> dict[str, Any]:
    flow = FlowBuilder().node("ChatInput", "ChatInput-a").node(type_name, "Fetch-f", **values)
    return flow.node("ChatOutput", "ChatOutput-b").edge("Fetch-f", output, "ChatOutput-b", "input_value").data


def send_by_url_component(client: httpx2.Client, url: str) -> httpx2.Response:
    return run(client, component_flow("URLComponent", "page_results", urls=[url]))


def send_by_feed(client: httpx2.Client, url: str) -> httpx2.Response:
    return run(client, component_flow("UnifiedWebSearch", "results", search_mode="RSS", query=url))


def send_by_openai_model(client: httpx2.Client, url: str) -> httpx2.Response:
    return run(client, model_flow(url, KEY))


def send_by_ollama_model(client: httpx2.Client, url: str) -> httpx2.Response:
    flow = FlowBuilder().node("ChatInput", "ChatInput-a").node("ChatOutput", "ChatOutput-b")
    flow.node("LanguageModelComponent", "Model-m", provider="Ollama", model_name="llama", ollama_base_url=url)
    flow.edge("ChatInput-a", "message", "Model-m", "input_value")
    return run(client, flow.edge("Model-m", "text_output", "ChatOutput-b", "input_value").data)


def mcp_server(url: str, transport: str) -> dict[str, Any]:
    return {"name": "tools", "config": {"url": url, "transport": transport}}


def send_by_mcp(client: httpx2.Client, url: str) -> httpx2.Response:
    return run(client, component_flow("MCPTools", "response", mcp_server=mcp_server(url, "http"), tool="t"))


def send_by_mcp_events(client: httpx2.Client, url: str) -> httpx2.Response:
    return run(client, component_flow("MCPTools", "response", mcp_server=mcp_server(url, "sse"), tool="t"))


def send_by_editor(client: httpx2.Client, url: str) -> httpx2.Response:
    """Select an MCP server in the editor, which lists the server's tools."""
    component = registry().find("MCPTools")
    assert component is not None
    body = {"code": source_of(component), "template": node_json(component)["template"], "field": "mcp_server"}
    return client.post("/api/v1/custom_component/update", json={**body, "field_value": mcp_server(url, "http")})


def send_by_code(client: httpx2.Client, url: str) -> httpx2.Response:
    """Send from a component's own code with an HTTP client."""
    code = source("import httpx2\nresult = httpx2.get(text, follow_redirects=True, trust_env=False).text")
    return run(client, flow_with_code(code, "Probe"), url)


def send_by_standard_library(client: httpx2.Client, url: str) -> httpx2.Response:
    """Send from a component's own code with the standard library."""
    code = source("import urllib.request\nresult = urllib.request.urlopen(text, timeout=5).read()")
    # This client takes the credentials of a URL for a part of the name.
    return run(client, flow_with_code(code, "Probe"), url.replace(f"me:{SECRET}@", ""))


WAYS: dict[str, Send] = {
    "URL": send_by_url_component,
    "feed": send_by_feed,
    "OpenAI model": send_by_openai_model,
    "Ollama model": send_by_ollama_model,
    "MCP": send_by_mcp,
    "MCP events": send_by_mcp_events,
    "editor": send_by_editor,
    "code": send_by_code,
    "standard library": send_by_standard_library,
}
each_way = pytest.mark.parametrize("send", WAYS.values(), ids=WAYS)


@pytest.fixture
def target() -> Iterator[Canary]:
    """Yield a private server that is to stay without visitors."""
    with canary() as found:
        yield found


def local_addresses() -> list[str]:
    """Return the private addresses of this machine's interfaces, as hosts of URLs."""
    texts = [a.address.partition("%")[0] for addresses in psutil.net_if_addrs().values() for a in addresses]
    parsed = [address for address in map(parse_address, texts) if address is not None and not is_public(address)]
    return [f"[{address}]" if address.version == 6 else str(address) for address in parsed]


@each_way
def test_no_spelling_of_a_private_address_is_reached(send: Send, server: AttackedServer, target: Canary) -> None:
    with server.client(server.attacker) as client:
        for host in [*HOSTS, *local_addresses()]:
            response = send(client, f"http://me:{SECRET}@{host}:{target.port}/v1?key={SECRET}")
            assert target.visitors == [], host
            assert is_refused(response), (host, response.text)
            assert not any(secret in response.text for secret in (SECRET, KEY)), (host, response.text)


@each_way
def test_an_error_does_not_tell_whether_a_private_server_listens(
    send: Send, server: AttackedServer, target: Canary
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        closed_port = closed.getsockname()[1]
    with server.client(server.attacker) as client:
        for host in ("127.0.0.2", "localhost", "[::1]"):
            listening, silent = (
                send(client, f"http://{host}:{port}/v1").text.replace(str(port), "PORT")
                for port in (target.port, closed_port)
            )
            assert listening == silent, host


async def redirect(writer: asyncio.StreamWriter, status: str, url: str) -> None:
    """Respond with a redirect, on a connection that is not used again: the body of the request is unread."""
    writer.write(text_response(b"", f"Location: {url}", "Connection: close", status=f"{status} Redirect"))
    await writer.drain()
    writer.close()


def is_refused(response: httpx2.Response) -> bool:
    return response.status_code in {400, 500} and any(text in response.text for text in REFUSALS)


@each_way
def test_urls_that_confuse_parsers_reach_no_private_server(send: Send, server: AttackedServer, target: Canary) -> None:
    with server.client(server.attacker) as client:
        for url in CONFUSING:
            send(client, url.format(port=target.port, allowed=ALLOWED))
            assert target.visitors == [], url


@each_way
def test_a_redirect_of_an_allowed_host_reaches_no_private_server(
    send: Send, server: AttackedServer, target: Canary
) -> None:
    redirected: list[str] = []

    async def respond(head: str, writer: asyncio.StreamWriter) -> None:
        path = head.split()[1].partition("?")[0]
        redirected.append(path)
        status, host = path.split("/")[1:3]
        await redirect(writer, status, f"http://{unquote(host)}:{target.port}/")

    with answering(respond) as port, server.client(server.attacker) as client:
        for status in ("302", "307"):
            for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433", "[::1]"):
                response = send(client, f"http://{ALLOWED}:{port}/{status}/{host}/v1")
                assert redirected, host
                assert target.visitors == [], host
                assert is_refused(response), (host, response.text)
                redirected.clear()


def test_the_link_of_a_page_reaches_no_private_server(server: AttackedServer, target: Canary) -> None:
    visited = threading.Event()

    async def respond(head: str, writer: asyncio.StreamWriter) -> None:
        visited.set()
        links = "".join(f"<a href='http://{host}:{target.port}/'>x</a>" for host in HOSTS)
        writer.write(text_response(f"<html>{links}</html>".encode(), "Content-Type: text/html"))

    with answering(respond) as port, server.client(server.attacker) as client:
        url = f"http://{ALLOWED}:{port}/"
        flow = component_flow("URLComponent", "page_results", urls=[url], max_depth=2, prevent_outside=False)
        response = run(client, flow)
    assert visited.is_set()
    assert target.visitors == []
    assert response.status_code == 200, response.text


#: The addresses of names in `attack.example`. The name `rebind` has the allowed address first, and the loopback address from then on.
ZONE = {
    "loopback": ["127.0.0.2"],
    "v6": ["::1"],
    "mapped": ["::ffff:127.0.0.2"],
    "mixed": [ALLOWED, "127.0.0.2"],
    "any": ["0.0.0.0"],
}


@pytest.mark.skipif(not can_replace_name_servers(), reason="needs root and unshare to replace /etc/resolv.conf")
def test_names_of_private_addresses_reach_no_private_server(
    start_server: StartServer, tmp_path: Path, target: Canary
) -> None:
    resolved: set[str] = set()

    def zone(name: str) -> list[str]:
        label = name.split(".")[0]
        if not label.startswith("rebind"):
            return ZONE.get(label, [])
        # A lookup requests the IPv4 and the IPv6 addresses.
        is_first = name not in resolved
        resolved.add(name)
        return [ALLOWED] if is_first else ["127.0.0.2"]

    async def respond(head: str, writer: asyncio.StreamWriter) -> None:
        await redirect(writer, "307", f"http://{rebinding}:{target.port}/")

    with (
        name_server(tmp_path, zone) as file,
        answering(respond) as port,
        start_server(before=with_name_server(file), **SETTINGS) as server,
        server.client(server.attacker) as client,
    ):
        for way, send in WAYS.items():
            for label in ZONE:
                response = send(client, f"http://{label}.attack.example:{target.port}/v1")
                assert target.visitors == [], (way, label)
                assert is_refused(response), (way, label, response.text)
            # A host that sends the client back to itself, at another port, after its name has changed its address.
            rebinding = f"rebind-{uuid.uuid4()}.attack.example"
            response = send(client, f"http://{rebinding}:{port}/v1")
            assert target.visitors == [], way
            assert is_refused(response), (way, response.text)
