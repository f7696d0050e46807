"""The estimated size of values."""

from __future__ import annotations

import sys

import pandas as pd
import pytest

from headrace.limits.value_size import value_size
from headrace.schema import Data, Message

LIMIT = 1_000_000


@pytest.mark.parametrize(
    "value",
    [
        "x" * 50_000,
        b"x" * 50_000,
        ["x" * 50_000],
        {"a": {"b": ("x" * 50_000,)}},
        {"x" * 50_000: 1},
        Data(data={"text": "x" * 50_000}),
        Message(text="x" * 50_000),
        Message(content_blocks=[{"contents": ["x" * 50_000]}]),
        [Message(text="x" * 25_000), Data(data={"a": "x" * 25_000})],
        pd.DataFrame({"a": ["x" * 25_000] * 2, "b": [1.0, 2.0]}),
        list(range(1500)),
    ],
)
def test_the_size_is_close_to_that_in_memory(value: object) -> None:
    assert 50_000 <= value_size(value, LIMIT) <= 60_000


def test_an_object_counts_as_often_as_it_occurs() -> None:
    text = "x" * 1000
    assert value_size([text] * 100, LIMIT) >= 100_000


def test_exponential_sharing_and_cycles_end_at_the_limit() -> None:
    value: list[object] = ["x"]
    for _ in range(60):
        value = [value, value]
    assert value_size(value, LIMIT) > LIMIT
    value[0] = value
    assert value_size(value, LIMIT) > LIMIT


def test_the_size_of_a_text_is_that_of_its_characters() -> None:
    assert value_size("😀" * 10_000, LIMIT) == sys.getsizeof("😀" * 10_000) >= 40_000
