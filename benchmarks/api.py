"""The client of the measured server's API."""

from __future__ import annotations

import statistics
import time
import uuid
from typing import Any

import httpx2

from benchmarks.client import LoadRequest
from benchmarks.flows import NodeTemplates

TIMEOUT_SECONDS = 120
#: Requests before a latency is measured.
WARM_UP_REQUESTS = 5


class ApiClient:
    """Calls a server as one user, with an API key."""

    def __init__(self, base_url: str, username: str, password: str) -> None:
        """Log in and create an API key."""
        self.base_url = base_url
        with httpx2.Client(base_url=base_url, timeout=TIMEOUT_SECONDS) as client:
            login = client.post("/api/v1/login", data={"username": username, "password": password})
            login.raise_for_status()
            token = {"authorization": f"Bearer {login.json()['access_token']}"}
            client.cookies.clear()
            key = client.post("/api/v1/api_key/", json={"name": f"bench {uuid.uuid4()}"}, headers=token)
            key.raise_for_status()
        self.headers = {"x-api-key": str(key.json()["api_key"])}

    def templates(self) -> NodeTemplates:
        """Return the node JSON of every component type of the server."""
        categories = httpx2.get(f"{self.base_url}/api/v1/all", headers=self.headers, timeout=TIMEOUT_SECONDS).json()
        return {name: node for types in categories.values() for name, node in types.items()}

    def create_flow(self, data: dict[str, Any], **properties: object) -> str:
        """Create a flow, approve its code, and return its id."""
        with httpx2.Client(base_url=self.base_url, headers=self.headers, timeout=TIMEOUT_SECONDS) as client:
            body = {"name": f"bench {uuid.uuid4()}", "data": data, **properties}
            flow = client.post("/api/v1/flows/", json=body).raise_for_status().json()
            if digests := [code["digest"] for code in flow["unapproved_code"] or []]:
                client.post("/api/v1/approvals", json={"digests": digests}).raise_for_status()
        return str(flow["id"])

    def run_request(self, flow_id: str, **body: object) -> LoadRequest:
        """Return the request that runs a flow."""
        return LoadRequest(
            f"{self.base_url}/api/v1/run/{flow_id}", self.headers, {"input_value": "hello world!", **body}
        )

    def get_request(self, path: str, **headers: str) -> LoadRequest:
        """Return a GET request."""
        return LoadRequest(self.base_url + path, {**self.headers, **headers})


def time_once(request: LoadRequest) -> float:
    """Send a request on a new connection and return its latency in milliseconds."""
    with httpx2.Client(timeout=TIMEOUT_SECONDS) as client:
        return _time(client, request)


def median_latency(request: LoadRequest, times: int) -> float:
    """Send a request repeatedly on one connection and return the median latency in milliseconds."""
    with httpx2.Client(timeout=TIMEOUT_SECONDS) as client:
        for _ in range(WARM_UP_REQUESTS):
            _time(client, request)
        return statistics.median(_time(client, request) for _ in range(times))


def median_first_match(request: LoadRequest, text: str, times: int) -> float:
    """Return the median time in milliseconds until a stream contains `text`."""
    latencies: list[float] = []
    with httpx2.Client(timeout=TIMEOUT_SECONDS) as client:
        for _ in range(WARM_UP_REQUESTS + times):
            started_at = time.perf_counter()
            with client.stream("POST", request.url, json=request.body, headers=request.headers) as answer:
                if not any(text in chunk for chunk in answer.iter_text()):
                    raise RuntimeError(f"{request.url} streamed no {text!r}.")
                latencies.append((time.perf_counter() - started_at) * 1000)
    return statistics.median(latencies[WARM_UP_REQUESTS:])


def _time(client: httpx2.Client, request: LoadRequest) -> float:
    started_at = time.perf_counter()
    if request.body is None:
        answer = client.get(request.url, headers=request.headers)
    else:
        answer = client.post(request.url, json=request.body, headers=request.headers)
    answer.raise_for_status()
    return (time.perf_counter() - started_at) * 1000
