"""Users, servers and flows for tests of custom component code."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import pytest

from headrace.app import create_app
from tests.conftest import PASSWORD, settings_for
from tests.support.clients import log_in
from tests.support.flow_builder import FlowBuilder
from tests.support.server import serving

SHOUT = """
from lfx.custom.custom_component.component import Component
from lfx.io import IntInput, MessageTextInput, Output
from lfx.schema.data import Data


class Shout(Component):
    display_name = "Shout"
    description = "Upper-cases a text."
    icon = "megaphone"
    inputs = [
        MessageTextInput(name="input_value", display_name="Input", value="hi", tool_mode=True),
        IntInput(name="times", display_name="Times", value=2, advanced=True),
    ]
    outputs = [Output(display_name="Output", name="output", method="build_output")]

    def build_output(self) -> Data:
        data = Data(value=self.input_value.upper() * self.times)
        self.status = data
        self.log(f"shouted {self.times} times")
        return data
"""


class People(NamedTuple):
    """HTTP clients of a superuser, a plain user and an anonymous caller."""

    root: httpx2.Client
    ada: httpx2.Client
    anyone: httpx2.Client


def open_clients(base: str) -> Iterator[People]:
    """Yield clients of a server, including that of a new user."""
    name = f"ada-{uuid.uuid4()}"
    with httpx2.Client(base_url=base, headers=log_in(base), timeout=30) as root:
        user = root.post("/api/v1/users/", json={"username": name, "password": PASSWORD}).json()
        root.patch(f"/api/v1/users/{user['id']}", json={"is_active": True})
        with (
            httpx2.Client(base_url=base, headers=log_in(base, name), timeout=30) as ada,
            httpx2.Client(base_url=base, timeout=30) as anyone,
        ):
            yield People(root, ada, anyone)


@pytest.fixture(scope="session", params=["process", "none"])
def isolation(request: pytest.FixtureRequest) -> str:
    """Return where custom code runs: in an isolated process per user, or in the server's process."""
    return str(request.param)


@pytest.fixture(scope="session")
def lenient_server(database_url: str | None, isolation: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a server with the default policy: superusers may run custom code."""
    # The servers of both isolation modes share a database, and with it the encrypted values.
    settings = settings_for(
        tmp_path_factory.mktemp("lenient"), database_url, code_isolation=isolation, secret_key="k" * 32
    )
    with serving(create_app(settings)) as base:
        yield base


@pytest.fixture(scope="session")
def people(lenient_server: str) -> Iterator[People]:
    """Yield clients of `lenient_server`."""
    yield from open_clients(lenient_server)


def flow_with_code(
    code: str, type_name: str = "Shout", outputs: tuple[str, ...] = ("output",), **fields: Any
) -> dict[str, Any]:
    """Return the data of a flow from a chat input through a component with this source to a chat output."""
    flow = FlowBuilder().node("ChatInput", "ChatInput-a").node("ChatOutput", "ChatOutput-b")
    template: dict[str, Any] = {
        "_type": "Component",
        "code": {"type": "code", "value": code, "show": True, "name": "code"},
        "input_value": {"type": "str", "value": "", "name": "input_value", "show": True, "input_types": ["Message"]},
    }
    for name, value in fields.items():
        template[name] = {"type": "str", "name": name, "value": value, "show": True}
    digest = hashlib.sha256(code.encode()).hexdigest()[:12]
    node = {
        "template": template,
        "display_name": type_name,
        "outputs": [{"name": name} for name in outputs],
        "metadata": {"code_hash": digest},
        "edited": False,
    }
    data = {"id": f"{type_name}-c", "type": type_name, "node": node}
    flow.data["nodes"].append(
        {"id": f"{type_name}-c", "type": "genericNode", "position": {"x": 0, "y": 0}, "data": data}
    )
    flow.edge("ChatInput-a", "message", f"{type_name}-c", "input_value")
    flow.edge(f"{type_name}-c", outputs[0], "ChatOutput-b", "input_value")
    return flow.data


def save_flow(client: httpx2.Client, data: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Create a flow, whose code is not approved by that, and return the JSON of the response."""
    response = client.post("/api/v1/flows/", json={"name": f"custom {uuid.uuid4()}", "data": data, **fields})
    assert response.status_code == 201, response.text
    return dict(response.json())


def approve_code(client: httpx2.Client, saved: dict[str, Any]) -> httpx2.Response:
    """Approve the code that the response to saving a flow lists, and return the response."""
    digests = [code["digest"] for code in saved["unapproved_code"] or []]
    return client.post("/api/v1/approvals", json={"digests": digests, "flow_id": saved["id"]})


def create_flow(client: httpx2.Client, data: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Create a flow, approve its code if the client's user may, and return the JSON of the flow."""
    flow = save_flow(client, data, **fields)
    if flow["unapproved_code"]:
        assert approve_code(client, flow).status_code in {200, 403}
    return flow


def run_flow(client: httpx2.Client, flow_id: str, input_value: str = "quiet", **body: Any) -> httpx2.Response:
    """Run a flow and return the response."""
    return client.post(f"/api/v1/run/{flow_id}", json={"input_value": input_value, **body})


def answer_text(response: httpx2.Response) -> str:
    """Return the text of a run's answer."""
    assert response.status_code == 200, response.text
    return str(response.json()["outputs"][0]["outputs"][0]["results"]["message"]["text"])


def unique_source(code: str) -> str:
    """Return the source with a unique comment, so that an approval in one test does not affect another."""
    return f"{code}\n# {uuid.uuid4()}\n"


def tracing_sources(folder: Path) -> list[str]:
    """Return sources that write the file `TRACE` to a folder as soon as a part of them is executed."""
    touch = f"__import__('pathlib').Path({str(folder / 'TRACE')!r}).write_text"
    head = "from lfx.custom import Component\nfrom lfx.io import Output\nfrom lfx.schema import Data\n"
    body = "class Bad(Component):\n    outputs = [Output(name='output', method='go')]\n    def go(self) -> Data:\n        return Data()\n"
    return [
        f"{head}{touch}('top')\n{body}",
        f"{head}def d(c):\n    {touch}('decorator')\n    return c\n@d\n{body}",
        f"{head}{body}    def later(self, x={touch}('default')):\n        pass\n",
        f"{head}{body}    {touch}('class body')\n",
        f"{head}{body}    x: {touch}('annotation') = 1\n",
        f"{head}class Meta(type):\n    def __new__(m, *a):\n        {touch}('metaclass')\n        return super().__new__(m, *a)\n{body.replace('(Component)', '(metaclass=Meta)')}",
        f"import {'trace_left_by_import'}\n{head}{body}",
        f"{head}{body.replace('return Data()', touch + '(chr(114))' + '; return Data()')}",
    ]
