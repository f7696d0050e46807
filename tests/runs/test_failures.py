"""A component that fails: its author sees the lines of the code in the answer and the log; others see neither."""

from __future__ import annotations

import json
import logging
import uuid
from typing import Any

import httpx2
import pytest

from headrace.compat.loader import load_component
from headrace.component.author_traceback import author_traceback, exception_text
from headrace.testing import run
from tests.support.custom_code import (
    People,
    create_flow,
    flow_with_code,
    isolation,
    lenient_server,
    people,
    run_flow,
    unique_source,
)

__all__ = ["isolation", "lenient_server", "people"]

SOURCE = """
import sys
from lfx.custom import Component
from lfx.io import MessageTextInput, Output
from lfx.schema import Message


class Shout(Component):
    inputs = [MessageTextInput(name="input_value")]
    outputs = [Output(name="output", method="shout")]

    def shout(self) -> Message:
        return self.fail()

    def fail(self):
        {statement}
"""
STATEMENT_LINE = 16


def failing_flow(client: httpx2.Client, statement: str, **fields: Any) -> str:
    code = unique_source(SOURCE.format(statement=statement))
    return str(create_flow(client, flow_with_code(code), **fields)["id"])


def failure_of(response: httpx2.Response) -> dict[str, Any]:
    assert response.status_code == 500, response.text
    return dict(json.loads(response.json()["detail"]))


def test_the_answer_has_the_authors_lines_and_none_of_the_server(people: People) -> None:
    failure = failure_of(run_flow(people.root, failing_flow(people.root, "raise ValueError('too loud')")))
    assert failure["message"].endswith("too loud")
    assert failure["traceback"].splitlines() == [
        "Traceback (most recent call last):",
        '  File "<component>", line 13, in shout',
        "    return self.fail()",
        f'  File "<component>", line {STATEMENT_LINE}, in fail',
        "    raise ValueError('too loud')",
        "ValueError: too loud",
    ]


def test_the_error_of_a_library_is_shown_at_the_authors_line(people: People) -> None:
    failure = failure_of(run_flow(people.root, failing_flow(people.root, "import json; json.loads('{')")))
    assert f"line {STATEMENT_LINE}, in fail\n    import json; json.loads" in failure["traceback"]
    assert "decoder.py" not in failure["traceback"]


@pytest.mark.parametrize(
    ("statement", "call"),
    [("sys.exit(3)", "sys.exit(3)"), ("sys.exit()", "sys.exit()"), ("exit('over')", "sys.exit('over')")],
)
def test_a_component_that_exits_says_so(people: People, statement: str, call: str) -> None:
    failure = failure_of(run_flow(people.root, failing_flow(people.root, statement)))
    assert f"The component called {call}." in failure["message"]
    assert run_flow(people.root, failing_flow(people.root, "return Message(text='alive')")).status_code == 200


def test_a_key_in_the_code_is_removed_from_the_traceback(people: People) -> None:
    key = f"sk-proj-{uuid.uuid4().hex}"
    failure = failure_of(run_flow(people.root, failing_flow(people.root, f"raise ValueError('{key}')")))
    assert "raise ValueError(" in failure["traceback"]
    assert key not in failure["traceback"]


def test_a_stream_and_a_build_carry_the_traceback(people: People) -> None:
    flow_id = failing_flow(people.root, "raise ValueError('too loud')")
    stream = people.root.post(f"/api/v1/run/{flow_id}?stream=true", json={"input_value": "x"})
    (error,) = [e for line in stream.text.split("\n\n") if line for e in [json.loads(line)] if e["event"] == "error"]
    assert error["data"]["traceback"].endswith("ValueError: too loud")
    assert stack_trace(events_of_build(people.root, f"/api/v1/build/{flow_id}/flow?event_delivery=direct")).endswith(
        "ValueError: too loud"
    )


def events_of_build(client: httpx2.Client, path: str) -> list[dict[str, Any]]:
    response = client.post(path, json={"inputs": {"input_value": "x"}})
    assert response.status_code == 200, response.text
    return [json.loads(line) for line in response.text.split("\n\n") if line.strip()]


def stack_trace(events: list[dict[str, Any]]) -> str:
    (failed,) = [e for e in events if e["event"] == "end_vertex" and not e["data"]["build_data"]["valid"]]
    return str(failed["data"]["build_data"]["data"]["outputs"]["error"]["message"]["stackTrace"])


def test_a_visitor_of_a_public_flow_sees_no_code(people: People) -> None:
    flow_id = failing_flow(people.root, "raise ValueError('too loud')", access_type="PUBLIC")
    people.anyone.cookies.set("client_id", str(uuid.uuid4()))
    events = events_of_build(people.anyone, f"/api/v1/build_public_tmp/{flow_id}/flow?event_delivery=direct")
    assert stack_trace(events) == ""
    assert "raise ValueError" not in json.dumps(events)


def test_the_log_has_the_kind_of_the_error_and_lines_but_not_its_message(
    people: People, caplog: pytest.LogCaptureFixture
) -> None:
    flow_id = failing_flow(
        people.root, "raise ValueError(f'cannot shout {self.input_value!r} {self.input_value[:99]}')"
    )
    text = f"my 'diary' of {uuid.uuid4()} " * 5
    with caplog.at_level(logging.INFO):
        assert run_flow(people.root, flow_id, text).status_code == 500
    logged = caplog.text
    assert f"Run of flow {flow_id} failed in Shout-c: " in logged
    assert "ValueError\n" in logged
    assert "raise ValueError(f'cannot shout" in logged
    assert f"line {STATEMENT_LINE}, in fail" in logged
    assert "diary" not in logged


def test_a_message_that_looks_like_a_traceback_is_not_logged(people: People, caplog: pytest.LogCaptureFixture) -> None:
    statement = (
        """raise ValueError(f'\\n  File "<component>", line 1, in diary\\n    {self.input_value}\\nKeyError: x')"""
    )
    flow_id = failing_flow(people.root, statement)
    text = f"my diary of {uuid.uuid4()}"
    with caplog.at_level(logging.INFO):
        assert run_flow(people.root, flow_id, text).status_code == 500
    assert "ValueError\n" in caplog.text
    assert f"line {STATEMENT_LINE}, in fail" in caplog.text
    assert text not in caplog.text
    assert "line 1, in diary\n" not in caplog.text


def test_a_chain_of_exceptions_is_shown_if_the_authors_code_raised_them() -> None:
    statement = "\n        ".join(
        ["try:", "    {}['missing']", "except KeyError as error:", "    raise ValueError('no such key') from error"]
    )
    shout = load_component(SOURCE.format(statement=statement))
    with pytest.raises(ValueError, match="no such key") as caught:
        run(shout)
    text = author_traceback(caught.value) or ""
    assert text.index("KeyError: 'missing'") < text.index("direct cause") < text.index("ValueError: no such key")
    assert "testing.py" not in text


def test_an_exception_outside_of_component_code_has_no_traceback_for_authors() -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        1 / 0  # noqa: B018 - raises
    assert author_traceback(caught.value) is None
    assert exception_text(caught.value) == "division by zero"
