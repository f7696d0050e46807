"""People's own components: who may run them, what they see, and that nothing runs unasked."""

from __future__ import annotations

import hashlib
import json
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import pytest

from headrace.app import create_app
from tests.clients import log_in
from tests.conftest import PASSWORD, settings_for
from tests.flow_builder import FlowBuilder
from tests.server import serving

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
    """A superuser, a plain user, and somebody without credentials."""

    root: httpx2.Client
    ada: httpx2.Client
    anyone: httpx2.Client


def people_of(base: str) -> Iterator[People]:
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
    """Where code runs: in a process of its user's own, or in the server's."""
    return str(request.param)


@pytest.fixture(scope="session")
def lenient_server(database_url: str | None, isolation: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server on which superusers may run code, as it is by default."""
    # Two servers of one database: what one encrypts, the other reads.
    settings = settings_for(
        tmp_path_factory.mktemp("lenient"), database_url, code_isolation=isolation, secret_key="k" * 32
    )
    with serving(create_app(settings)) as base:
        yield base


@pytest.fixture(scope="session")
def people(lenient_server: str) -> Iterator[People]:
    yield from people_of(lenient_server)


def with_code(
    code: str, type_name: str = "Shout", outputs: tuple[str, ...] = ("output",), **fields: Any
) -> dict[str, Any]:
    """A flow whose one step is a component of this source."""
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


def saved(client: httpx2.Client, data: dict[str, Any], **more: Any) -> dict[str, Any]:
    answer = client.post("/api/v1/flows/", json={"name": f"own {uuid.uuid4()}", "data": data, **more})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def ran(client: httpx2.Client, flow_id: str, said: str = "quiet", **body: Any) -> httpx2.Response:
    return client.post(f"/api/v1/run/{flow_id}", json={"input_value": said, **body})


def text_of(answer: httpx2.Response) -> str:
    assert answer.status_code == 200, answer.text
    return str(answer.json()["outputs"][0]["outputs"][0]["results"]["message"]["text"])


def changed(code: str) -> str:
    """The same source under another digest, so that tests do not approve for each other."""
    return f"{code}\n# {uuid.uuid4()}\n"


def test_a_source_becomes_a_node_and_its_flow_runs(people: People) -> None:
    code = changed(SHOUT)
    made = people.root.post("/api/v1/custom_component", json={"code": code}).json()
    node = made["data"]
    assert (made["type"], node["display_name"], node["icon"]) == ("Shout", "Shout", "megaphone")
    assert node["metadata"]["module"] == "custom_components.shout"
    assert node["template"]["code"]["value"] == code
    assert node["template"]["times"]["value"] == 2
    assert node["outputs"][0].items() >= {"name": "output", "types": ["Data"], "hidden": None, "options": None}.items()
    assert json.loads(text_of(ran(people.root, saved(people.root, with_code(code))["id"])).strip("`json\n")) == {
        "value": "QUIETQUIET"
    }


def test_code_that_a_superuser_saved_runs_for_everybody_until_it_is_taken_back(people: People) -> None:
    code = changed(SHOUT)
    mine = saved(people.ada, with_code(code))
    assert mine["not_running"] == ["Shout (Shout-c)"]
    refused = ran(people.ada, mine["id"])
    assert refused.status_code == 400
    assert all(part in refused.json()["detail"] for part in ("Shout (Shout-c)", "not approved", "superuser"))
    assert saved(people.root, with_code(code))["not_running"] is None
    assert "QUIET" in text_of(ran(people.ada, mine["id"]))
    digest = hashlib.sha256(code.encode()).hexdigest()
    listed = people.root.get("/api/v1/approvals").json()
    assert next(a for a in listed if a["digest"] == digest)["name"] == "Shout"
    assert people.ada.get("/api/v1/approvals").status_code == 403
    assert people.ada.delete(f"/api/v1/approvals/{digest}").status_code == 403
    assert people.root.delete(f"/api/v1/approvals/{digest}").status_code == 204
    assert ran(people.ada, mine["id"]).status_code == 400
    assert people.root.delete(f"/api/v1/approvals/{digest}").status_code == 404


def test_a_change_of_a_flow_approves_too(people: People) -> None:
    code = changed(SHOUT)
    flow = saved(people.root, FlowBuilder().data)
    assert (
        people.root.patch(f"/api/v1/flows/{flow['id']}", json={"data": with_code(code)}).json()["not_running"] is None
    )
    assert "QUIET" in text_of(ran(people.root, flow["id"]))


@pytest.mark.parametrize(("policy", "superuser", "plain"), [("everyone", 200, 200), ("nobody", 400, 400)])
def test_the_operator_says_who_may_run_code(
    database_url: str | None, tmp_path: Path, policy: str, superuser: int, plain: int
) -> None:
    with serving(create_app(settings_for(tmp_path, database_url, custom_code=policy))) as base:
        for people in people_of(base):
            code = changed(SHOUT)
            assert ran(people.ada, saved(people.ada, with_code(code))["id"]).status_code == plain
            assert ran(people.root, saved(people.root, with_code(code))["id"]).status_code == superuser


def traces(folder: Path) -> list[str]:
    """Sources that leave a file behind as soon as any of their code is run."""
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


@pytest.mark.parametrize("number", range(8))
def test_no_byte_of_unapproved_code_is_run_on_any_way_in(
    people: People, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    (tmp_path / "trace_left_by_import.py").write_text(f"open({str(tmp_path / 'TRACE')!r}, 'w').close()")
    monkeypatch.syspath_prepend(str(tmp_path))
    code = changed(traces(tmp_path)[number])
    data = with_code(code, "Bad")
    ada, root = people.ada, people.root
    flow = saved(ada, data, access_type="PUBLIC", endpoint_name=f"bad-{uuid.uuid4()}")
    assert flow["not_running"] == ["Bad (Bad-c)"]
    file = {"file": ("f.json", json.dumps({"name": f"up {uuid.uuid4()}", "data": data}).encode())}
    for client in (ada, root):
        # A file that is brought approves nothing, whoever brings it.
        (uploaded,) = client.post("/api/v1/flows/upload/", files=file).json()
        assert uploaded["not_running"] == ["Bad (Bad-c)"]
        assert ran(client, uploaded["id"]).status_code == 400
    assert ran(ada, flow["id"]).status_code == 400
    assert ada.post(f"/api/v1/run/{flow['id']}?stream=true", json={"input_value": "x"}).status_code == 400
    tweaked = saved(
        ada,
        FlowBuilder()
        .node("ChatInput", "ChatInput-a")
        .node("ChatOutput", "ChatOutput-b")
        .edge("ChatInput-a", "message", "ChatOutput-b", "input_value")
        .data,
    )
    ran(ada, tweaked["id"], tweaks={"ChatInput-a": {"code": code}, "code": code})
    assert ada.post("/api/v1/validate/code", json={"code": code}).status_code == 200
    assert root.post("/api/v1/validate/code", json={"code": code}).status_code == 200
    # What can be known by reading is told; nothing is run for it.
    assert ada.post("/api/v1/custom_component", json={"code": code}).status_code in {200, 403}
    update = {"code": code, "template": {}, "field": "x", "field_value": 1}
    assert ada.post("/api/v1/custom_component/update", json=update).status_code in {200, 403}
    for client in (ada, root):
        draft = client.post(
            f"/api/v1/build/{tweaked['id'] if client is ada else saved(root, FlowBuilder().data)['id']}/flow",
            json={"data": data},
        )
        assert draft.status_code == 400
    visit = {"json": {"inputs": {"input_value": "x"}, "data": data}, "headers": {"cookie": "client_id=v"}}
    assert people.anyone.post(f"/api/v1/build_public_tmp/{flow['id']}/flow", **visit).status_code == 400  # type: ignore[arg-type]
    assert ada.post(f"/api/v1/webhook/{flow['id']}", json={}).status_code == 400
    assert ada.post("/api/v1/responses", json={"model": flow["id"], "input": "x"}).status_code == 400
    assert not (tmp_path / "TRACE").exists()
    assert "trace_left_by_import" not in sys.modules


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        ("class Shout(:", "Invalid Python code"),
        ("from lfx.custom import Component\n\n1 / 0\n", "line 3: ZeroDivisionError"),
        ("x = 1\n", "no class that inherits from Component"),
        ("from lfx.io import NoSuchInput\n", "lfx.io.NoSuchInput is not there"),
        ("from lfx.services.deps import get_db_service\n", "self.get_variables"),
        (SHOUT.replace('"build_output")', '"nowhere")'), "no method 'nowhere'"),
    ],
)
def test_an_author_is_told_what_is_wrong_and_where(people: People, broken: str, told: str) -> None:
    answer = people.root.post("/api/v1/custom_component", json={"code": broken})
    assert answer.status_code == 400
    assert told in answer.json()["detail"]["error"]


def test_nothing_of_the_compat_names_is_left_in_the_interpreter(people: People) -> None:
    people.root.post("/api/v1/custom_component", json={"code": changed(SHOUT)})
    assert not [name for name in sys.modules if name.partition(".")[0] in {"lfx", "langflow"}]
    with pytest.raises(ImportError):
        __import__("lfx")


DYNAMIC = """
from langflow.custom import Component
from langflow.io import DropdownInput, MessageTextInput, Output
from langflow.schema import Message
from lfx.schema.dotdict import dotdict


class Greeter(Component):
    display_name = "Greeter"
    name = "GreeterType"
    inputs = [
        DropdownInput(name="kind", display_name="Kind", options=["plain", "grand"], value="plain", real_time_refresh=True),
        MessageTextInput(name="input_value", display_name="Who"),
        MessageTextInput(name="title", display_name="Title", show=False),
    ]
    outputs = [Output(name="greeting", display_name="Greeting", method="greet")]

    def update_build_config(self, build_config: dotdict, field_value, field_name=None):
        if field_name == "kind":
            build_config.title.show = field_value == "grand"
        if field_value == "bad":
            raise ValueError("no such kind")
        return build_config

    def update_outputs(self, frontend_node: dict, field_name: str, field_value):
        if field_name == "kind" and field_value == "grand":
            frontend_node["outputs"] = [Output(name="fanfare", display_name="Fanfare", method="greet").to_json()]
        return frontend_node

    async def greet(self) -> Message:
        self.ctx["greeted"] = True
        return Message(text=f"Hello {self.title} {self.input_value} in {self.graph.session_id}".replace("  ", " "))
"""


def test_fields_and_outputs_follow_what_is_chosen(people: People) -> None:
    code = changed(DYNAMIC)
    node = people.root.post("/api/v1/custom_component", json={"code": code}).json()["data"]

    def choose(value: str) -> httpx2.Response:
        body = {"code": code, "template": node["template"], "field": "kind", "field_value": value}
        return people.root.post("/api/v1/custom_component/update", json=body)

    grand = choose("grand").json()
    assert grand["template"]["title"]["show"] is True
    assert [o["name"] for o in grand["outputs"]] == ["fanfare"]
    assert choose("plain").json()["template"]["title"]["show"] is False
    assert choose("bad").json()["detail"]["error"].endswith("ValueError: no such kind")
    flow = saved(people.root, with_code(code, "GreeterType", ("greeting",)))
    assert text_of(ran(people.root, flow["id"], "Ada", session_id="s")) == "Hello Ada in s"


RAISES = SHOUT.replace("data = Data(", "raise ValueError('too loud')\n        data = Data(")


def test_what_a_component_raises_reaches_its_caller_and_no_path_of_the_server(people: People) -> None:
    answer = ran(people.root, saved(people.root, with_code(changed(RAISES)))["id"])
    assert answer.status_code == 500
    message = json.loads(answer.json()["detail"])["message"]
    assert "Error building Component Shout" in message
    assert "too loud" in message
    assert "site-packages" not in answer.text


@pytest.mark.parametrize("where", ["top", "method"])
def test_code_that_would_end_the_process_ends_its_run(people: People, where: str) -> None:
    leave = "import sys; sys.exit(3)"
    code = f"{leave}\n{SHOUT}" if where == "top" else SHOUT.replace("data = Data(", f"{leave}\n        data = Data(")
    answer = ran(people.root, saved(people.root, with_code(changed(code)))["id"])
    assert answer.status_code == (400 if where == "top" else 500)
    assert people.anyone.get("/health_check").status_code == 200


INIT = """
from lfx.custom import Component
from lfx.io import MessageTextInput, Output
from lfx.schema import DataFrame, Data
from lfx.helpers.data import data_to_text
from lfx.log.logger import logger


class Table(Component):
    inputs = [MessageTextInput(name="input_value")]
    outputs = [Output(name="output", method="rows"), Output(name="other", method="never")]

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seen = []

    def _pre_run_setup(self):
        self.seen.append("setup")

    def rows(self) -> DataFrame:
        logger.info("making rows")
        frame = DataFrame([Data(word=w) for w in self.input_value.split()])
        assert self.seen == ["setup"]
        assert data_to_text("{word}", frame.to_data_list()) == "a\\nb"
        return frame

    def never(self) -> Data:
        raise RuntimeError("an output that nobody wants is not made")
"""


def test_tables_setup_and_an_init_of_the_authors_own(people: People) -> None:
    pytest.importorskip("pandas", reason="the extra `pandas` isn't installed")
    text = text_of(ran(people.root, saved(people.root, with_code(changed(INIT), "Table"))["id"], "a b"))
    assert "word" in text


def test_a_frozen_component_whose_code_was_changed_runs_anew(people: People) -> None:
    data = with_code(changed(SHOUT))
    own = next(n for n in data["nodes"] if n["id"] == "Shout-c")["data"]["node"]
    own["frozen"] = True
    flow = saved(people.root, data)
    assert "QUIETQUIET" in text_of(ran(people.root, flow["id"], session_id="frozen"))
    own["template"]["code"]["value"] = changed(SHOUT.replace(".upper()", ".title()"))
    own["edited"] = True
    assert people.root.patch(f"/api/v1/flows/{flow['id']}", json={"data": data}).status_code == 200
    assert "QuietQuiet" in text_of(ran(people.root, flow["id"], session_id="frozen"))
