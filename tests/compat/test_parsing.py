"""Nodes from source that is read and not run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.compat.loading import load_component
from headrace.compat.parsing import edits_itself, parse_component
from headrace.component.node_json import node_json
from tests.compat.test_agents import AGENT
from tests.compat.test_edited_chat import INPUT, OUTPUT
from tests.compat.test_people_code import People, changed, isolation, lenient_server, people, traces
from tests.compat.test_sources import CASES, component

__all__ = ["isolation", "lenient_server", "people"]

#: What has to be run: a decorator on the class, a base class of a library's making.
HAVE_TO_RUN = {"vector store", "agent of older LangChain"}


@pytest.mark.parametrize("name", CASES)
def test_what_is_read_is_what_running_it_would_show(name: str) -> None:
    read = parse_component(CASES[name].source)
    assert (read is None) == (name in HAVE_TO_RUN)
    if read is not None:
        assert node_json(read) == node_json(load_component(CASES[name].source))


@pytest.mark.parametrize("source", [INPUT, OUTPUT])
def test_copies_of_the_chats_components_are_read(source: str) -> None:
    read, ran = parse_component(source), load_component(source)
    assert read is not None
    assert node_json(read) == node_json(ran)
    assert (read.takes_input, read.gives_output) == (ran.takes_input, ran.gives_output)


LITERALS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**6), 10**6)
    | st.text(st.characters(exclude_categories=["C"]), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(LITERALS, LITERALS, st.booleans())
def test_written_out_values_are_read_as_python_reads_them(value: Any, option: Any, flag: bool) -> None:
    source = (
        "from lfx.custom import Component\nfrom lfx.io import DictInput, DropdownInput, Output\nfrom lfx.schema import Data\n"
        f"OPTIONS = [{str(option)!r}] + ['-']\n\nclass Own(Component):\n    display_name = 'O' + 'wn'\n    beta = not {flag}\n"
        f"    first = DictInput(name='d', value={value!r}, advanced={flag})\n"
        "    inputs = [*[], DropdownInput(name='o', options=OPTIONS, value=OPTIONS[-1])]\n"
        "    outputs = [Output(name='out', method='go')]\n\n"
        "    async def go(self) -> list[Data]:\n        return []\n"
    )
    read = parse_component(source)
    assert read is not None
    ran = load_component(source)
    assert node_json(read) == node_json(ran)
    assert read.first == ran.first  # type: ignore[attr-defined]


@pytest.mark.parametrize("number", range(8))
def test_nothing_of_a_source_is_run_by_reading_it(tmp_path: Path, number: int) -> None:
    source = traces(tmp_path)[number]
    read = parse_component(source)
    # What stands outside of a method's body has to be run; an import of a library is not needed to show a node.
    assert (read is None) == (number not in {2, 4, 6, 7})
    assert not (tmp_path / "TRACE").exists()


@pytest.mark.parametrize(
    "line",
    [
        "inputs = [i for i in []]",
        "inputs = list()",
        "display_name = f'{1}'",
        "display_name = unknown",
        "display_name = (lambda: 'x')()",
        "display_name = ''.join(['a'])",
        "inputs = [MessageTextInput(**{'name': 'x'})]",
        "display_name = Component.__module__",
        "display_name = Message.__init__.__globals__",
        "x: int\n    if True:\n        display_name = 'x'",
        "display_name = " + "-" * 500 + "1",
    ],
)
def test_what_is_not_written_out_is_left_to_running(line: str) -> None:
    assert parse_component(component("return Message(text='x')").replace("display_name = 'Sample'", line)) is None


def test_ports_that_are_none_are_left_to_running() -> None:
    source = component("return Message(text='x')")
    assert parse_component(source.replace("inputs = [Message", "inputs = ['none', Message")) is None
    assert parse_component(source.replace("outputs = [Output", "outputs = [Message")) is None


def test_a_source_without_a_component_is_left_to_running() -> None:
    for source in ("", "x = 1", "class A:\n    pass\n", "def (", "\0", "from lfx.io import Nothing\n"):
        assert parse_component(source) is None


def test_an_authors_code_for_edits_is_run_for_those_who_may(people: People) -> None:
    plain, edits = changed(CASES["text"].source), changed(AGENT)
    node = {"code": plain, "template": {}, "field": "input_value", "field_value": "x"}
    assert people.ada.post("/api/v1/custom_component", json={"code": plain}).status_code == 200
    assert people.ada.post("/api/v1/custom_component/update", json=node).status_code == 200
    read = parse_component(edits)
    assert read is None or edits_itself(read)
    refusal = people.ada.post("/api/v1/custom_component/update", json={**node, "code": edits})
    assert refusal.status_code == 403
    assert "HEADRACE_CUSTOM_CODE" in refusal.text
