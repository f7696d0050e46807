"""The operations of parsing processes, called directly."""

from __future__ import annotations

import pytest

from headrace.parsing.errors import InvalidInputError
from headrace.parsing.operations import OPERATIONS
from headrace.parsing.operations.model_code import extract_lambda
from headrace.parsing.operations.pages import list_links, read_page
from headrace.parsing.operations.patterns import match_pattern
from headrace.parsing.operations.source_outline import outline_source
from headrace.parsing.parser import utf8


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_in_the_table_exists(name: str) -> None:
    assert callable(OPERATIONS[name].load())


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("lambda data: data", "lambda data: data"),
        ("Here it is:\n```python\nlambda d:\n  d[0]\n```\nDone", "lambda d: d[0]"),
        ("```\nlambda d: 1\n```", "lambda d: 1"),
        ("```js\nx\n```\n```python \nlambda d: 2\n```", "lambda d: 2"),
        ("`lambda d: 3`", "lambda d: 3"),
        ("lambda d: 4\nThis returns four.", "lambda d: 4"),
        ("```python\nlambda d: 5", "lambda d: 5"),
    ],
)
def test_a_lambda_is_found_in_an_answer(answer: str, expected: str) -> None:
    assert extract_lambda(utf8(answer)) == (expected, "")


@pytest.mark.parametrize("answer", ["none", "lambda lambda", "```" + "\n" * 200_000])
def test_an_answer_without_a_lambda_is_rejected(answer: str) -> None:
    with pytest.raises(InvalidInputError):
        extract_lambda(utf8(answer))


def test_patterns_match_at_the_start_as_in_langflow() -> None:
    assert match_pattern(b"abc", pattern="b?ab") == (True, "")
    assert match_pattern(b"abc", pattern="bc") == (False, "")
    for pattern in ("(", "a{99999999999999999999}", "[z-a]"):
        with pytest.raises(InvalidInputError):
            match_pattern(b"", pattern=pattern)


def test_links_are_absolute_unique_and_valid() -> None:
    body = (
        b"<a href=/b#c>1</a><a href=/b>2</a><a href='http://[::1'>3</a><a href=ftp://h/>4</a><a href=//other/x>5</a><a>"
    )
    links = ["http://h/b", "http://other/x"]
    assert list_links(body, encoding="", url="http://h/a", follow_external=True) == (links, "")
    assert list_links(body, encoding="", url="http://h/a", follow_external=False) == (links[:1], "")


def test_a_page_without_a_head_has_empty_properties() -> None:
    assert read_page(b"<p>x<script>y", encoding="") == ({"title": "", "description": "", "language": ""}, "x")


def test_an_outline_is_limited_and_contains_only_json() -> None:
    imports = "".join(f"import a{n}\n" for n in range(501))
    [problem] = outline_source(utf8(imports), statements=True)[0]["syntax"]
    assert "more than 500 modules" in problem
    large = "x = [" + "1," * 60_000 + "]"
    assert outline_source(utf8(large), statements=True)[0] == {"syntax": [], "imports": [], "statements": None}
    odd = "a, b = 1, 2\nc = [b'x', 1e999, 2**9, 99999999999999999999, -1]\nwith d: pass"
    assert outline_source(utf8(odd), statements=True)[0]["statements"] == [
        ["assign", None],
        ["assign", [["c", ["list", [["other"]] * 4 + [["minus", ["constant", 1]]]]]]],
        ["other"],
    ]
