"""Texts, tables and lists of records that would grow beyond the limit of a value are not created."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from headrace.compat.records import data_to_text
from headrace.limits.account import Account
from headrace.limits.byte_budget import ByteLedger, ByteLimitError, ByteLimits, current_budget
from headrace.schema import Data
from headrace.schema.dataframe import DataFrame
from headrace.schema.json_text import fenced_json, spaced_json
from headrace.schema.records import as_text, records_of
from headrace.schema.template import MAX_PARTS, MAX_PLACEHOLDERS, TemplateError, placeholders, render

LIMIT = 1_000_000


@pytest.fixture(autouse=True)
def _small_limit() -> Iterator[None]:
    budget = ByteLedger(ByteLimits(value=LIMIT)).open(Account("ann"))
    token = current_budget.set(budget)
    yield
    current_budget.reset(token)


def _deep(depth: int) -> object:
    value: object = list(range(100))
    for _ in range(depth):
        value = [value]
    return value


def _shared(depth: int) -> object:
    value: object = ["x"]
    for _ in range(depth):
        value = [value, value]
    return value


TABLE = DataFrame({"text": ["x" * 20_000, *"abcdefghij" * 10]})
LARGE_CELLS = DataFrame({"a": [["x" * 20_000]] * 100})

GROWING: dict[str, Callable[[], object]] = {
    "a template that repeats a placeholder": lambda: render("{a}" * 1000, {"a": "x" * 2000}),
    "a template whose text becomes wide": lambda: render("{a}😀", {"a": "x" * 300_000}),
    "a list of long texts": lambda: as_text(["x" * 1000] * 2000),
    "a table with a long cell": lambda: as_text(TABLE),
    "a table that repeats a large cell": lambda: as_text(LARGE_CELLS),
    "indented JSON of a deep value": lambda: fenced_json([_deep(300) for _ in range(40)]),
    "JSON of a value that contains itself many times": lambda: spaced_json(_shared(40)),
    "the records of a table that occurs many times": lambda: records_of([TABLE] * 1000),
    "a text for each record": lambda: data_to_text("{data}" * 100, Data(data={"a": "x" * 20_000})),
}


@pytest.mark.parametrize("create", GROWING.values(), ids=GROWING)
def test_a_value_that_would_grow_beyond_the_limit_is_not_created(create: Callable[[], object]) -> None:
    with pytest.raises(ByteLimitError, match="HEADRACE_MAX_VALUE_BYTES"):
        create()


def test_values_within_the_limit_are_complete() -> None:
    assert render("{a}-{b}{{}}", {"a": "x" * 400_000, "b": "y"}) == "x" * 400_000 + "-y{}"
    value = {"a": [1, {"b": "ä"}], "c": None}
    assert fenced_json(value) == f"```json\n{json.dumps(value, ensure_ascii=False, indent=2)}\n```"
    assert records_of([TABLE, Data(data={"a": 1})])[-1] == {"a": 1}


def test_a_template_has_a_limited_number_of_placeholders() -> None:
    names = "".join(f"{{a{n}}}" for n in range(MAX_PLACEHOLDERS + 1))
    with pytest.raises(TemplateError, match="at most 1000"):
        placeholders(names)
    with pytest.raises(TemplateError, match="Shorten it"):
        render("{a}" * (MAX_PARTS + 1), {})
