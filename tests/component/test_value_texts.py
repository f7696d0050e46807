"""The text of values has the formats of Langflow."""

from __future__ import annotations

import datetime
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.schema.json_text import fenced_json, spaced_json
from headrace.schema.markdown import markdown_table

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


def test_a_tool_result_has_spaces_after_colon_and_comma() -> None:
    assert spaced_json({"result": "7", "all": [1, 2]}) == '{"result": "7", "all": [1, 2]}'


def test_characters_outside_ascii_are_not_escaped() -> None:
    assert spaced_json(["é"]) == '["é"]'


def test_a_value_without_a_json_form_becomes_its_text() -> None:
    assert spaced_json([datetime.date(2024, 1, 2)]) == '["2024-01-02"]'


def test_a_record_becomes_a_fenced_block() -> None:
    assert fenced_json({"value": "QUIET"}) == '```json\n{\n  "value": "QUIET"\n}\n```'


@given(json_values)
def test_both_formats_contain_the_same_value(value: Any) -> None:
    fenced = fenced_json(value)
    assert json.loads(spaced_json(value)) == value
    assert json.loads(fenced.removeprefix("```json\n").removesuffix("\n```")) == value


# Results of `pandas.DataFrame(...).to_markdown(index=False)` with pandas 3.1.1 and tabulate 0.10.0.
TABLES: list[tuple[list[object], list[list[object]], str]] = [
    (["text"], [["hi"]], "| text   |\n|:-------|\n| hi     |"),
    (
        ["name", "age", "text"],
        [["ada", 36, "first row"], ["bob", 25, "second row"]],
        "| name   |   age | text       |\n"
        "|:-------|------:|:-----------|\n"
        "| ada    |    36 | first row  |\n"
        "| bob    |    25 | second row |",
    ),
    (
        ["text", "n"],
        [["a\nb", 1], ["c", 22]],
        "| text   |   n |\n|:-------|----:|\n| a      |   1 |\n| b      |     |\n| c      |  22 |",
    ),
    (
        ["a", "b", "c", "d"],
        [[1.5, float("nan"), True, "1"], [2.25, "x", False, "10"]],
        "|    a | b   | c     |   d |\n"
        "|-----:|:----|:------|----:|\n"
        "| 1.5  | nan | True  |   1 |\n"
        "| 2.25 | x   | False |  10 |",
    ),
    (
        ["a", "b"],
        [[1e10, 1e-7], [2.0, 3.123456789]],
        "|     a |       b |\n|------:|--------:|\n| 1e+10 | 1e-07   |\n| 2     | 3.12346 |",
    ),
    (
        ["a", "b", "c"],
        [["x|y", [1, 2], {"k": "v"}]],
        "| a   | b      | c          |\n|:----|:-------|:-----------|\n| x|y | [1, 2] | {'k': 'v'} |",
    ),
    (["a"], [["007"], ["1"]], "|   a |\n|----:|\n| 007 |\n|   1 |"),
    (["a"], [["1,234.5"], ["2"]], "|      a |\n|-------:|\n| 1234.5 |\n|    2   |"),
    (["a"], [["1,234"], ["2,5"]], "| a     |\n|:------|\n| 1,234 |\n| 2,5   |"),
    (["a"], [["True"], [1]], "|    a |\n|-----:|\n| True |\n|    1 |"),
    (["a"], [[None], [None]], "| a   |\n|:----|\n|     |\n|     |"),
    (["a"], [["  lead"], ["trail  "]], "| a     |\n|:------|\n| lead  |\n| trail |"),
    (["a"], [[1e300], [float("inf")]], "|        a |\n|---------:|\n|   1e+300 |\n| inf      |"),
    (["a\nb"], [["x"]], "| a   |\n| b   |\n|:----|\n| x   |"),
    ([1, ""], [["x", "y"]], "| 1   |    |\n|:----|:---|\n| x   | y  |"),
    (["a", "b"], [], "| a   | b   |\n|-----|-----|"),
    ([], [], ""),
]


@pytest.mark.parametrize(("columns", "rows", "expected"), TABLES)
def test_a_table_has_the_markdown_of_pandas(columns: list[object], rows: list[list[object]], expected: str) -> None:
    assert markdown_table(columns, rows) == expected


@given(st.data())
def test_all_lines_of_a_table_have_the_same_length(data: st.DataObject) -> None:
    text = st.text(alphabet="abc1.,- \n", max_size=6)
    columns = data.draw(st.lists(text, min_size=1, max_size=3))
    cells = st.lists(text | st.integers() | st.none(), min_size=len(columns), max_size=len(columns))
    lines = markdown_table(columns, data.draw(st.lists(cells, max_size=3))).split("\n")
    assert len({len(line) for line in lines}) == 1
