"""Checks of source code and prompt templates, which do not run any code."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.component.prompt_fields import sync_placeholder_fields
from headrace.component.source import import_problems
from headrace.parsing.operations.source_outline import outline_source
from headrace.parsing.parser import utf8
from headrace.schema.template import TemplateError, placeholders, render


def imports_of(code: str) -> list[str]:
    outline, _ = outline_source(utf8(code), statements=False)
    assert outline["syntax"] == []
    return list(outline["imports"])


def test_checking_a_source_runs_neither_the_source_nor_its_imports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = tmp_path / "trace"
    write_trace = f"open({str(trace)!r}, 'w')"
    package = tmp_path / "writes_trace"
    package.mkdir()
    (package / "__init__.py").write_text(write_trace)
    (package / "inside.py").write_text(write_trace)
    monkeypatch.syspath_prepend(tmp_path)
    code = f"""
import writes_trace
import writes_trace.inside
from writes_trace.inside import anything
{write_trace}
@{write_trace}
def f(x={write_trace}) -> {write_trace}:
    pass
class A(metaclass={write_trace}):
    {write_trace}
"""
    assert import_problems(imports_of(code)) == []
    assert not trace.exists()
    assert "writes_trace" not in sys.modules


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("import os.path, json, sys", None),
        ("from xml.etree import ElementTree", None),
        ("from . import sibling", None),
        ("import json.nothing", "No module named 'json.nothing'"),
        ("import sys.nothing", "No module named 'sys.nothing'; 'sys' is not a package"),
        ("import base64.nothing", "No module named 'base64.nothing'; 'base64' is not a package"),
        ("def f():\n    import no_such_module.inside", "No module named 'no_such_module'"),
    ],
)
def test_imports_are_looked_up_on_disk(code: str, problem: str | None) -> None:
    assert import_problems(imports_of(code)) == ([] if problem is None else [problem])


@pytest.mark.parametrize(
    "code",
    [
        "(" * 20_000,
        "-" * 200_000 + "1",
        "a" + ".a" * 200_000,
        "x = " + "[" * 150 + "]" * 150,
        "1" + "+1" * 200_000,
        "lambda: " * 50_000 + "1",
        "not " * 100_000 + "1",
        "\x00",
        "if 1:\n" + "".join(" " * i + "if 1:\n" for i in range(1, 120)),
    ],
    ids=["brackets", "minus", "dots", "lists", "plus", "lambda", "not", "nul", "indent"],
)
def test_source_that_is_nested_too_deeply_is_checked_without_a_crash(code: str) -> None:
    outline, _ = outline_source(utf8(code), statements=True)
    assert outline["imports"] == []


NAMES = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True)
TEXTS = st.text(alphabet=st.characters(exclude_characters="{}"), max_size=20)


@given(parts=st.lists(st.tuples(TEXTS, NAMES)), tail=TEXTS, values=st.dictionaries(NAMES, st.text(max_size=10)))
def test_a_template_is_filled_in_one_pass(parts: list[tuple[str, str]], tail: str, values: dict[str, str]) -> None:
    template = "".join(f"{text}{{{name}}}" for text, name in parts) + tail
    assert placeholders(template) == list(dict.fromkeys(name for _, name in parts))
    assert render(template, values) == "".join(text + values.get(name, "") for text, name in parts) + tail


@given(template=st.text())
def test_any_text_is_a_valid_template_or_raises_an_error_with_a_message(template: str) -> None:
    try:
        names = placeholders(template)
    except TemplateError as error:
        assert error.message
    else:
        assert all(name.isidentifier() for name in names)


def test_a_node_has_a_field_for_each_placeholder_of_its_template() -> None:
    fields, names = sync_placeholder_fields({"template": {"value": "x"}}, "{a} {b}", [])
    fields["b"]["value"] = "entered"
    fields, names = sync_placeholder_fields(fields, "{b} {c}", names)
    assert (list(fields), names, fields["b"]["value"]) == (["template", "b", "c"], ["b", "c"], "entered")
    with pytest.raises(TemplateError, match="name of another field"):
        sync_placeholder_fields({"template": {"value": "x"}}, "{template}", [])
