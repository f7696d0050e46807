"""Input that is expensive to parse neither delays another user nor takes the server's memory."""

from __future__ import annotations

import contextlib
import gzip
import io
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI, Response

from tests.security.shared_settings import SMALL_VALUES
from tests.support.flow_builder import FlowBuilder, echo_flow
from tests.support.flows import create_flow
from tests.support.probe import AttackedServer
from tests.support.server import serving

pytestmark = [pytest.mark.any_database, pytest.mark.server(**SMALL_VALUES)]
#: Requests of an attack that are sent at the same time.
PARALLEL_REQUESTS = 5
#: Resident memory that an attack may take: the five parsing processes at their limit of 96 MiB, and buffers.
MAX_GROWTH = (5 * 96 + 160) << 20
#: 110,000 empty placeholders: the parser of Python 3.11 needs quadratic time for them, minutes in this case.
F_STRING_BOMB = "x = f'" + "{a}" * 110_000 + "'"
#: Every `<a` makes the parser read to the end of the page.
HTML_BOMB = b"<html>" + b"<a" * 1_000_000
#: Each tag becomes an object of about 700 bytes.
HTML_MEMORY_BOMB = b"<p></p>" * 700_000
FEED_BOMB = b"<rss>" + b"<item><title>0123456789" * 90_000 + b"</title></item>" * 90_000 + b"</rss>"
#: The value of each line is twice as long as that of the line before.
DOUBLING = (
    "from lfx.custom import Component\nfrom lfx.io import DropdownInput\na0 = ['x', 'x']\n"
    + "".join(f"a{n + 1} = [UNPACK a{n}, UNPACK a{n}]\n" for n in range(40))
    + "class Own(Component):\n    inputs = [DropdownInput(name='i', options=a40)]\n"
)


def site() -> FastAPI:
    app = FastAPI()
    pages = {
        "slow": (HTML_BOMB, "text/html"),
        "memory": (HTML_MEMORY_BOMB, "text/html"),
        "feed": (FEED_BOMB, "application/xml"),
    }

    compressed_page = gzip.compress(bytes(150_000_000))

    @app.get("/gzip")
    def compressed() -> Response:
        return Response(compressed_page, media_type="text/html", headers={"content-encoding": "gzip"})

    @app.get("/{name}")
    def page(name: str) -> Response:
        body, media_type = pages[name]
        return Response(body, media_type=media_type)

    return app


@pytest.fixture(scope="module")
def site_url() -> Iterator[str]:
    with serving(site()) as address:
        yield address


def attack(server: AttackedServer, send: Callable[[httpx2.Client], httpx2.Response]) -> list[httpx2.Response]:
    """Send the same request several times at once, check that a bystander does not notice, and return the answers."""
    with contextlib.ExitStack() as clients, ThreadPoolExecutor(PARALLEL_REQUESTS) as threads:
        attackers = [clients.enter_context(server.client(server.attacker)) for _ in range(PARALLEL_REQUESTS)]
        with server.observe() as observation:
            answers = list(threads.map(send, attackers))
    observation.assert_available()
    observation.assert_memory(MAX_GROWTH)
    assert all(answer.status_code < 600 for answer in answers)
    return answers


def run_attack(server: AttackedServer, flow: FlowBuilder, text: str = "x") -> list[str]:
    """Run a flow of the attacker several times at once and return the errors or results."""
    with server.client(server.attacker) as client:
        flow_id = create_flow(client, flow.data)
    body = {"input_value": text, "output_type": "debug"}
    return [answer.text for answer in attack(server, lambda client: client.post(f"/api/v1/run/{flow_id}", json=body))]


def test_checking_code_with_an_f_string_bomb(server: AttackedServer) -> None:
    answers = attack(server, lambda client: client.post("/api/v1/validate/code", json={"code": F_STRING_BOMB}))
    assert {answer.status_code for answer in answers} == {422}
    assert "HEADRACE_PARSING_CPU_SECONDS" in answers[0].text


def test_building_a_node_from_an_f_string_bomb(server: AttackedServer) -> None:
    answers = attack(server, lambda client: client.post("/api/v1/custom_component", json={"code": F_STRING_BOMB}))
    assert {answer.status_code for answer in answers} == {400}
    assert "HEADRACE_PARSING_CPU_SECONDS" in answers[0].text


def test_saving_a_flow_with_an_f_string_bomb(server: AttackedServer) -> None:
    data = echo_flow()
    data["nodes"][0]["data"]["node"]["template"]["code"] = {"type": "code", "name": "code", "value": F_STRING_BOMB}
    answers = attack(server, lambda client: client.post("/api/v1/flows/", json={"name": "bomb", "data": data}))
    assert {answer.status_code for answer in answers} == {201}


@pytest.mark.parametrize("unpack", ["*", ""])
def test_building_a_node_whose_values_double_with_each_line(server: AttackedServer, unpack: str) -> None:
    code = DOUBLING.replace("UNPACK ", unpack)
    answers = attack(server, lambda client: client.post("/api/v1/custom_component", json={"code": code}))
    # The node can be built only by running the code, which the attacker may not.
    assert {answer.status_code for answer in answers} == {403}


def test_many_sources_of_one_user(server: AttackedServer) -> None:
    # The limit is 16 in each process, and one of them accepts at least 20 of these.
    count = 20 * server.processes
    with contextlib.ExitStack() as stack:
        threads = stack.enter_context(ThreadPoolExecutor(count))
        clients = [stack.enter_context(server.client(server.attacker)) for _ in range(count)]
        with server.observe() as observation:
            codes = threads.map(
                lambda client: client.post("/api/v1/validate/code", json={"code": F_STRING_BOMB}).status_code, clients
            )
            assert set(codes) == {422, 429}
    observation.assert_available()


@pytest.mark.parametrize("page", ["slow", "memory"])
def test_reading_a_page_that_is_expensive_to_parse(server: AttackedServer, site_url: str, page: str) -> None:
    flow = (
        FlowBuilder()
        .node("URLComponent", "URL-u", urls=[f"{site_url}/{page}"], continue_on_failure=False)
        .node("ChatOutput", "ChatOutput-b")
        .edge("URL-u", "raw_results", "ChatOutput-b", "input_value")
    )
    for answer in run_attack(server, flow):
        assert "HEADRACE_PARSING_" in answer


def test_reading_a_feed_whose_titles_contain_each_other(server: AttackedServer, site_url: str) -> None:
    flow = FlowBuilder().node("UnifiedWebSearch", "Search-s", search_mode="RSS", query=f"{site_url}/feed")
    for answer in run_attack(server, flow):
        assert "HEADRACE_PARSING_" in answer or "nested too deeply" in answer or "result of more than" in answer


def test_reading_a_compressed_page_of_150_megabytes(server: AttackedServer, site_url: str) -> None:
    flow = FlowBuilder().node("URLComponent", "URL-u", urls=[f"{site_url}/gzip"], continue_on_failure=False)
    for answer in run_attack(server, flow):
        assert "larger than 5 MiB" in answer


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("(a+)+$", "a" * 60 + "b"),
        # Compiling the first one took all of the machine's memory with another library.
        ("(?:" * 6 + "a" + "{1000})" * 6 + "|(x+x+)+y", "x" * 60),
        ("(.|a)*b", "a" * 5_000_000),
        ("|".join(f"{n}a" for n in range(200_000)), "x"),
    ],
    ids=["nested repetition", "counts", "long text", "large pattern"],
)
def test_matching_an_expensive_regular_expression(server: AttackedServer, pattern: str, text: str) -> None:
    flow = (
        FlowBuilder()
        .node("ConditionalRouter", "If-i", operator="regex", match_text=pattern, input_text=text)
        .node("ChatOutput", "ChatOutput-b")
        .edge("If-i", "false_result", "ChatOutput-b", "input_value")
    )
    for answer in run_attack(server, flow):
        assert "HEADRACE_REGEX_CPU_SECONDS" in answer or "HEADRACE_PARSING_MEMORY_MIB" in answer


def test_checking_a_prompt_with_many_placeholders(server: AttackedServer) -> None:
    names = [f"p{n}" for n in range(60_000)]
    node = {"template": {name: {} for name in names}, "base_classes": [], "custom_fields": {"template": names}}
    body: dict[str, Any] = {"name": "template", "template": "".join(f"{{{n}}}" for n in names), "frontend_node": node}
    answers = attack(server, lambda client: client.post("/api/v1/validate/prompt", json=body))
    # Maps in requests are bounded.
    assert {answer.status_code for answer in answers} == {422}
    body["frontend_node"] = None
    answers = attack(server, lambda client: client.post("/api/v1/validate/prompt", json=body))
    assert {answer.status_code for answer in answers} == {400}
    body["template"] = "{p1}"
    answers = attack(server, lambda client: client.post("/api/v1/validate/prompt", json=body))
    assert {answer.status_code for answer in answers} == {200}


def test_splitting_text_into_chunks_that_overlap(server: AttackedServer) -> None:
    for size, overlap in ((200_000, 199_999), (200_000, 1)):
        flow = (
            FlowBuilder()
            .node("ChatInput", "ChatInput-a")
            .node("SplitText", "Split-s", separator="", chunk_size=size, chunk_overlap=overlap)
            .edge("ChatInput-a", "message", "Split-s", "data_inputs")
        )
        for answer in run_attack(server, flow, "x" * 400_000):
            assert ("overlap too much" in answer) == (overlap > 1)


def test_importing_a_zip_bomb(server: AttackedServer) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(10):
            archive.writestr(f"{number}.json", b'{"name": "' + b"x" * 19_000_000 + b'"}')
    files = {"file": ("flows.zip", buffer.getvalue())}
    for answer in attack(server, lambda client: client.post("/api/v1/flows/upload/", files=files)):
        assert answer.status_code == 400
        assert "HEADRACE_MAX_REQUEST_BYTES" in answer.text
