"""URL and Web Search with pages, searches and feeds of a local site."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse

from headrace.app import create_app
from tests.conftest import settings_for
from tests.support.clients import log_in
from tests.support.flow_builder import FlowBuilder
from tests.support.model_server import KEY
from tests.support.server import serving

FEED = """<?xml version="1.0"?><rss><channel><title>News</title>
<item><title>One</title><link>http://a/1</link><pubDate>today</pubDate><description>First &amp; best</description></item>
<item><title>Two</title><link>http://a/2</link></item></channel></rss>"""
BOMB = '<!DOCTYPE r [<!ENTITY a "x"><!ENTITY b "&a;&a;">]><r>&b;</r>'


def site() -> FastAPI:
    app = FastAPI()

    @app.get("/start")
    async def start(request: Request) -> HTMLResponse:
        return HTMLResponse(
            "<html lang='en'><head><title>Start</title><meta name='description' content='The first page'></head>"
            f"<body><script>unseen()</script><h1>Hello {request.headers.get('x-who', 'you')}</h1>"
            "<a href='/next#part'>next</a><a href='http://10.0.0.1/'>inner</a><a href='mailto:a@b'>write</a></body></html>"
        )

    @app.get("/next")
    async def next_page() -> HTMLResponse:
        return HTMLResponse("<p>The next page</p><a href='/start'>back</a><a href='/far'>far</a>")

    @app.get("/far")
    async def far() -> HTMLResponse:
        return HTMLResponse("<p>Far away</p>")

    @app.get("/picture")
    async def picture() -> Response:
        return Response(b"\x89PNG", media_type="image/png")

    @app.get("/latin")
    async def latin() -> Response:
        return Response("café".encode("latin-1"), media_type="text/plain; charset=latin-1")

    @app.get("/large")
    async def large() -> Response:
        return Response(b"x" * (6 << 20), media_type="text/plain")

    @app.get("/inward")
    async def redirect_to_private_address() -> Response:
        return Response(status_code=302, headers={"location": "http://10.0.0.1/"})

    @app.get("/html/")
    async def search(request: Request) -> HTMLResponse:
        base = str(request.base_url)
        rows = "".join(
            f"<div class='result'><a class='result__a' href='//engine/l/?uddg={quote(url, safe='')}'>About {query}</a>"
            f"<a class='result__snippet'>in short: {query}</a></div>"
            for url, query in ((f"{base}far", request.query_params["q"]), ("http://10.0.0.1/", "inner"))
        )
        return HTMLResponse(rows)

    @app.get("/rss/{path:path}")
    async def feed(path: str, request: Request) -> Response:
        content = FEED.replace("One", f"{path} {request.query_params.get('q', '')}".strip())
        return Response(BOMB if path == "bomb" else content, media_type="application/rss+xml")

    return app


@pytest.fixture(scope="module")
def site_url() -> Iterator[str]:
    with serving(site()) as address:
        yield address


@pytest.fixture(scope="module")
def root(site_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    """Return a client of a server whose operator has set the addresses of the searches."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADRACE_WEB_SEARCH_URL", f"{site_url}/html/")
        patch.setenv("HEADRACE_NEWS_URL", f"{site_url}/rss")
        app = create_app(settings_for(tmp_path_factory.mktemp("web")))
        with serving(app) as base, httpx2.Client(base_url=base, headers=log_in(base), timeout=30) as client:
            yield client


def web_flow(type_name: str, output: str, **values: Any) -> FlowBuilder:
    flow = FlowBuilder().node("ChatInput", "ChatInput-a").node(type_name, "Web-w", **values)
    return flow.node("ChatOutput", "ChatOutput-b").edge("Web-w", output, "ChatOutput-b", "input_value")


def run_flow(client: httpx2.Client, flow: FlowBuilder, text: str = "x") -> httpx2.Response:
    flow_id = client.post("/api/v1/flows/", json={"name": f"web {uuid.uuid4()}", "data": flow.data}).json()["id"]
    return client.post(f"/api/v1/run/{flow_id}", json={"input_value": text, "output_type": "debug"})


def rows_of(answer: httpx2.Response, output: str) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    results = [o["results"] for o in answer.json()["outputs"][0]["outputs"]]
    return list(next(r[output] for r in results if output in r))


def test_a_page_is_read_with_its_metadata(root: httpx2.Client, site_url: str) -> None:
    flow = web_flow(
        "URLComponent", "page_results", urls=[f"{site_url}/start"], headers=[{"key": "x-who", "value": "Ada"}]
    )
    [row] = rows_of(run_flow(root, flow), "page_results")
    assert row["text"] == "Start\nHello Ada\nnext\ninner\nwrite"
    assert (row["title"], row["description"], row["language"]) == ("Start", "The first page", "en")


@pytest.mark.parametrize(("depth", "pages"), [(1, 1), (2, 2), (3, 3)])
def test_links_are_followed_to_the_depth_and_each_page_is_read_once(
    root: httpx2.Client, site_url: str, depth: int, pages: int
) -> None:
    flow = web_flow("URLComponent", "page_results", urls=[f"{site_url}/start"], max_depth=depth)
    assert len(rows_of(run_flow(root, flow), "page_results")) == pages


def test_unreadable_pages_are_skipped_unless_no_page_can_be_read(root: httpx2.Client, site_url: str) -> None:
    several = web_flow(
        "URLComponent", "page_results", urls=[f"{site_url}/picture", f"{site_url}/far", "http://10.0.0.1/x"]
    )
    assert [r["text"] for r in rows_of(run_flow(root, several), "page_results")] == ["Far away"]
    for url, problem in (
        ("http://10.0.0.1/x", "10.0.0.1 is a private or local address"),
        (f"{site_url}/inward", "10.0.0.1 is a private or local address"),
        (f"{site_url}/large", "larger than 5 MiB"),
        (f"{site_url}/picture", "None of the URLs returned text"),
    ):
        answer = run_flow(root, web_flow("URLComponent", "page_results", urls=[url]))
        assert (answer.status_code, problem in answer.text) == (500, True), answer.text
    missing = web_flow("URLComponent", "page_results", urls=[f"{site_url}/missing"], check_response_status=True)
    assert "status 404" in run_flow(root, missing).text


@pytest.mark.parametrize(("autoset", "text"), [(True, "café"), (False, "caf\ufffd")])
def test_a_page_is_read_in_its_declared_encoding_unless_that_is_off(
    root: httpx2.Client, site_url: str, autoset: bool, text: str
) -> None:
    flow = web_flow("URLComponent", "page_results", urls=[f"{site_url}/latin"], autoset_encoding=autoset)
    assert [r["text"] for r in rows_of(run_flow(root, flow), "page_results")] == [text]


def test_the_format_html_returns_the_source_of_the_pages(root: httpx2.Client, site_url: str) -> None:
    flow = web_flow("URLComponent", "raw_results", urls=[f"{site_url}/far", f"{site_url}/next"], format="HTML")
    message = raw_text_of(run_flow(root, flow))
    assert message.startswith("<p>Far away</p>\n\n<p>The next page</p>")


def raw_text_of(answer: httpx2.Response) -> str:
    results = [o["results"] for o in answer.json()["outputs"][0]["outputs"]]
    return str(next(r["raw_results"]["text"] for r in results if "raw_results" in r))


def test_a_search_returns_results_with_the_text_of_their_pages(root: httpx2.Client, site_url: str) -> None:
    rows = rows_of(run_flow(root, web_flow("UnifiedWebSearch", "results", query="mills & rivers")), "results")
    first = {"title": "About mills & rivers", "snippet": "in short: mills & rivers", "content": "Far away"}
    assert rows[0].items() >= {**first, "link": f"{site_url}/far"}.items()
    assert "private or local address" in rows[1]["content"]


@pytest.mark.parametrize(
    ("values", "title"),
    [
        ({"query": "rain"}, "search rain"),
        ({"query": "x", "topic": "business"}, "headlines/section/topic/BUSINESS"),
        ({"query": "x", "location": "New York"}, "headlines/section/geo/New York"),
    ],
)
def test_the_news_are_searched_by_query_topic_or_location(
    root: httpx2.Client, values: dict[str, str], title: str
) -> None:
    rows = rows_of(run_flow(root, web_flow("UnifiedWebSearch", "results", search_mode="News", **values)), "results")
    assert (rows[0]["title"], rows[0]["summary"], rows[1]["link"]) == (title, "First & best", "http://a/2")


def test_a_feed_is_read_but_not_one_that_defines_entities(root: httpx2.Client, site_url: str) -> None:
    feed = web_flow("UnifiedWebSearch", "results", search_mode="RSS", query=f"{site_url}/rss/feed")
    assert [r["title"] for r in rows_of(run_flow(root, feed), "results")] == ["feed", "Two"]
    for path, problem in (("rss/bomb", "is not a valid feed"), ("far", "is not a feed")):
        invalid = web_flow("UnifiedWebSearch", "results", search_mode="RSS", query=f"{site_url}/{path}")
        assert problem in run_flow(root, invalid).text


def test_an_agent_reads_pages_and_searches(root: httpx2.Client, site_url: str, model_url: str) -> None:
    flow = (
        FlowBuilder()
        .node("ChatInput", "ChatInput-a")
        .node("URLComponent", "URL-u")
        .node("UnifiedWebSearch", "Search-s")
        .node("Agent", "Agent-g", openai_api_base=model_url, api_key=KEY, max_retries=0)
        .node("ChatOutput", "ChatOutput-b")
        .edge("ChatInput-a", "message", "Agent-g", "input_value")
        .edge("URL-u", "component_as_tool", "Agent-g", "tools")
        .edge("Search-s", "component_as_tool", "Agent-g", "tools")
        .edge("Agent-g", "response", "ChatOutput-b", "input_value")
    )
    page = json.dumps({"urls": [f"{site_url}/far"]})
    text = f'call fetch_content {page} & perform_search {{"query": "mills"}}'
    message = run_flow(root, flow, text).json()["outputs"][0]["outputs"][-1]["results"]["message"]
    outputs = [s["output"] for s in message["content_blocks"][0]["contents"]]
    assert "Far away" in outputs[0]
    assert "About mills" in outputs[1]
