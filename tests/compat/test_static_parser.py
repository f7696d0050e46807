"""Parse components from source without executing it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.compat import static_parser
from headrace.compat.loader import load_component
from headrace.compat.static_parser import has_edit_hooks
from headrace.component.component import Component
from headrace.component.node_json import node_json
from headrace.parsing.operations.source_outline import outline_source
from headrace.parsing.parser import utf8
from tests.compat.test_agents import AGENT
from tests.compat.test_component_sources import CASES, component
from tests.compat.test_edited_chat import INPUT, OUTPUT
from tests.support.custom_code import People, isolation, lenient_server, people, tracing_sources, unique_source

__all__ = ["isolation", "lenient_server", "people"]

#: Sources that have to be executed: they have a class decorator or a base class from a library.
NOT_STATIC = {"vector store", "agent of older LangChain"}


def parse_component(source: str) -> type[Component] | None:
    outline, _ = outline_source(utf8(source), statements=True)
    return None if outline["statements"] is None else static_parser.parse_component(source, outline["statements"])


@pytest.mark.parametrize("name", CASES)
def test_a_parsed_component_equals_the_loaded_one(name: str) -> None:
    parsed = parse_component(CASES[name].source)
    assert (parsed is None) == (name in NOT_STATIC)
    if parsed is not None:
        assert node_json(parsed) == node_json(load_component(CASES[name].source))


@pytest.mark.parametrize("source", [INPUT, OUTPUT])
def test_edited_copies_of_chat_components_are_parsed(source: str) -> None:
    parsed, loaded = parse_component(source), load_component(source)
    assert parsed is not None
    assert node_json(parsed) == node_json(loaded)
    assert (parsed.input_kind, parsed.output_kind) == (loaded.input_kind, loaded.output_kind)


LITERALS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**6), 10**6)
    | st.text(st.characters(exclude_categories=["C"]), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(LITERALS, LITERALS, st.booleans())
def test_literals_are_evaluated_like_python_does(value: Any, option: Any, flag: bool) -> None:
    source = (
        "from lfx.custom import Component\nfrom lfx.io import DictInput, DropdownInput, Output\nfrom lfx.schema import Data\n"
        f"OPTIONS = [{str(option)!r}] + ['-']\n\nclass Own(Component):\n    display_name = 'O' + 'wn'\n    beta = not {flag}\n"
        f"    first = DictInput(name='d', value={value!r}, advanced={flag})\n"
        "    inputs = [*[], DropdownInput(name='o', options=OPTIONS, value=OPTIONS[-1])]\n"
        "    outputs = [Output(name='out', method='go')]\n\n"
        "    async def go(self) -> list[Data]:\n        return []\n"
    )
    parsed = parse_component(source)
    assert parsed is not None
    loaded = load_component(source)
    assert node_json(parsed) == node_json(loaded)
    assert parsed.first == loaded.first  # type: ignore[attr-defined]


@pytest.mark.parametrize("number", range(8))
def test_parsing_executes_no_part_of_a_source(tmp_path: Path, number: int) -> None:
    source = tracing_sources(tmp_path)[number]
    parsed = parse_component(source)
    # Code outside of method bodies has to be executed. The node does not depend on imports of libraries.
    assert (parsed is None) == (number not in {2, 4, 6, 7})
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
def test_a_source_with_computed_values_is_not_parsed(line: str) -> None:
    assert parse_component(component("return Message(text='x')").replace("display_name = 'Sample'", line)) is None


def test_a_source_with_invalid_ports_is_not_parsed() -> None:
    source = component("return Message(text='x')")
    assert parse_component(source.replace("inputs = [Message", "inputs = ['none', Message")) is None
    assert parse_component(source.replace("outputs = [Output", "outputs = [Message")) is None


def test_a_source_without_a_component_is_not_parsed() -> None:
    for source in ("", "x = 1", "class A:\n    pass\n", "def (", "\0", "from lfx.io import Nothing\n"):
        assert parse_component(source) is None


def test_edit_hooks_run_only_for_users_who_may_run_code(people: People) -> None:
    plain, edits = unique_source(CASES["text"].source), unique_source(AGENT)
    node = {"code": plain, "template": {}, "field": "input_value", "field_value": "x"}
    assert people.ada.post("/api/v1/custom_component", json={"code": plain}).status_code == 200
    assert people.ada.post("/api/v1/custom_component/update", json=node).status_code == 200
    parsed = parse_component(edits)
    assert parsed is None or has_edit_hooks(parsed)
    refusal = people.ada.post("/api/v1/custom_component/update", json={**node, "code": edits})
    assert refusal.status_code == 403
    assert "not approved" in refusal.text
