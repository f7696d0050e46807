"""Limits of strict JSON."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.api.http.strict_json import (
    MAX_JSON_DEPTH,
    MAX_JSON_VALUES,
    InvalidBodyError,
    count_json_values,
    strict_json,
    with_serializable_depth,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(alphabet='ab"\\[]{},:é'),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(alphabet='k"\\[{,'), inner, max_size=4),
    max_leaves=20,
)


def count(value: object) -> int:
    if isinstance(value, dict):
        return 1 + sum(map(count, value.values()))
    return 1 + sum(map(count, value)) if isinstance(value, list) else 1


def is_nonempty(value: object) -> bool:
    """Return whether no container is empty: an empty one counts twice, because its bracket and its place both count."""
    if isinstance(value, (dict, list)):
        return bool(value) and all(map(is_nonempty, value.values() if isinstance(value, dict) else value))
    return True


@given(JSON)
def test_values_are_counted_and_brackets_in_strings_are_not(value: object) -> None:
    counted = count_json_values(orjson.dumps(value))
    assert counted >= count(value)
    if is_nonempty(value):
        assert counted == count(value)


@pytest.mark.parametrize("text", ["[" * 500 + "]" * 500, r"\"[" * 500, "\\\\" * 300 + '"' + "{" * 300])
def test_brackets_in_a_string_do_not_count_as_depth(text: str) -> None:
    assert strict_json(orjson.dumps({"text": text, "also": [text]})) == {"text": text, "also": [text]}


@pytest.mark.parametrize("pair", ["[]", '{"a":}'])
def test_the_depth_limit_is_exact(pair: str) -> None:
    def nested(depth: int) -> bytes:
        return (pair[:-1] * depth + "1" + pair[-1] * depth).encode()

    strict_json(nested(MAX_JSON_DEPTH))
    for depth in (MAX_JSON_DEPTH + 1, 5_000, 2_000_000):
        with pytest.raises(InvalidBodyError, match=r"nested deeper|JSON values"):
            strict_json(nested(depth))


def test_the_limit_on_values_is_exact() -> None:
    def items(number: int) -> bytes:
        return b"[" + b",".join([b"1"] * (number - 1)) + b"]"

    assert len(strict_json(items(MAX_JSON_VALUES))) == MAX_JSON_VALUES - 1
    with pytest.raises(InvalidBodyError, match="JSON values"):
        strict_json(items(MAX_JSON_VALUES + 1))
    with pytest.raises(InvalidBodyError, match="JSON values"):
        strict_json(b"[" + b",".join([b'""'] * (3 * MAX_JSON_VALUES)) + b"]")


def test_text_that_is_not_json_is_an_error() -> None:
    for text in (b"]" * 300, b"[" * 300, b'"' * 301, b"}{" * 200, b'{"a": NaN}', b'"\\u0000"'):
        with pytest.raises(InvalidBodyError):
            strict_json(text)


@pytest.mark.parametrize("depth", [10, 230, 500, 900])
def test_a_stored_value_of_any_depth_can_be_written(depth: int) -> None:
    value: object = 1
    for _ in range(depth):
        value = {"a": [value]} if depth < 500 else {"a": value}
    written = orjson.dumps({"items": [with_serializable_depth({"data": value, "name": "x"})]})
    assert b'"name":"x"' in written
