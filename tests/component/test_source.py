"""Source is looked at and never run; templates are texts."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.component.source import check_source
from headrace.component.template import with_gaps
from headrace.schema.template import TemplateError, fill, gaps


def test_nothing_of_the_source_or_of_what_it_imports_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trace = tmp_path / "trace"
    leave = f"open({str(trace)!r}, 'w')"
    package = tmp_path / "leaves_a_trace"
    package.mkdir()
    (package / "__init__.py").write_text(leave)
    (package / "inside.py").write_text(leave)
    monkeypatch.syspath_prepend(tmp_path)
    code = f"""
import leaves_a_trace
import leaves_a_trace.inside
from leaves_a_trace.inside import anything
{leave}
@{leave}
def f(x={leave}) -> {leave}:
    pass
class A(metaclass={leave}):
    {leave}
"""
    checked = check_source(code)
    assert (checked.imports, checked.syntax) == ([], [])
    assert not trace.exists()
    assert "leaves_a_trace" not in sys.modules


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("import os.path, json, sys", None),
        ("from xml.etree import ElementTree", None),
        ("from . import sibling", None),
        ("import json.nothing", "No module named 'json.nothing'"),
        ("import sys.nothing", "No module named 'sys.nothing'; 'sys' is not a package"),
        ("import base64.nothing", "No module named 'base64.nothing'; 'base64' is not a package"),
        ("def f():\n    import no_such_thing.inside", "No module named 'no_such_thing'"),
    ],
)
def test_imports_are_looked_for_on_the_disk(code: str, problem: str | None) -> None:
    assert check_source(code).imports == ([] if problem is None else [problem])


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
def test_source_that_is_nested_beyond_reason_is_answered(code: str) -> None:
    checked = check_source(code)
    assert checked.imports == []


NAMES = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True)
TEXTS = st.text(alphabet=st.characters(exclude_characters="{}"), max_size=20)


@given(parts=st.lists(st.tuples(TEXTS, NAMES)), tail=TEXTS, values=st.dictionaries(NAMES, st.text(max_size=10)))
def test_a_template_is_filled_in_one_pass(parts: list[tuple[str, str]], tail: str, values: dict[str, str]) -> None:
    template = "".join(f"{text}{{{name}}}" for text, name in parts) + tail
    assert gaps(template) == list(dict.fromkeys(name for _, name in parts))
    assert fill(template, values) == "".join(text + values.get(name, "") for text, name in parts) + tail


@given(template=st.text())
def test_any_text_is_a_template_or_refused_with_a_reason(template: str) -> None:
    try:
        names = gaps(template)
    except TemplateError as error:
        assert error.message
    else:
        assert all(name.isidentifier() for name in names)


def test_fields_follow_the_names_of_a_template() -> None:
    fields, names = with_gaps({"template": {"value": "x"}}, "{a} {b}", [])
    fields["b"]["value"] = "kept"
    fields, names = with_gaps(fields, "{b} {c}", names)
    assert (list(fields), names, fields["b"]["value"]) == (["template", "b", "c"], ["b", "c"], "kept")
    with pytest.raises(TemplateError, match="name of another field"):
        with_gaps({"template": {"value": "x"}}, "{template}", [])
