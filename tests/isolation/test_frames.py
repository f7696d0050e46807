"""Frames are divided into small parts and bounded before objects are built."""

from __future__ import annotations

import time
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.isolation.rpc.frames import MAX_PART_BYTES, FrameBuilder, FrameLimits, FrameTooLargeError, divide

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
)


def pass_through(value: Any, limits: FrameLimits | None = None) -> Any:
    builder = FrameBuilder(limits or FrameLimits())
    for kind, body in divide(value):
        assert len(body) <= MAX_PART_BYTES
        builder.add(kind, body)
    return builder.finish()


@given(JSON, st.sampled_from([1, 400]))
@settings(max_examples=40, deadline=None)
def test_a_frame_is_the_same_after_division(value: Any, times: int) -> None:
    for larger in (value, [value] * times, {str(n): value for n in range(times)}, [{"a": [value, "\x01é" * times]}]):
        assert pass_through(larger, FrameLimits(max_value_items=10_000_000)) == larger


@pytest.mark.parametrize(
    "value",
    [
        "é" * 3_000_000,
        "\x01" * 500_000,
        list(range(200_000)),
        [["x" * 100_000] * 20],
        {"k" * 100: {"a": ["\n" * 90_000]}},
    ],
)
def test_a_large_frame_is_the_same_after_division(value: Any) -> None:
    assert pass_through(value) == value


def test_a_frame_with_too_many_bytes_or_items_is_rejected() -> None:
    with pytest.raises(FrameTooLargeError, match="HEADRACE_CODE_MAX_VALUE_MIB"):
        pass_through("x" * (2 << 20), FrameLimits(max_value_mib=1))
    with pytest.raises(FrameTooLargeError, match="HEADRACE_CODE_MAX_VALUE_ITEMS"):
        pass_through([[]] * 20_000, FrameLimits(max_value_items=10_000))
    # Separators inside texts are not items.
    assert pass_through([",:[{" * 10_000] * 10, FrameLimits(max_value_items=10_000))


@pytest.mark.parametrize(
    "parts",
    [
        [("L", b"2")],
        [("V", b"1"), ("L", b"1")],
        [("V", b"[]"), ("D", b"1")],
        [("V", b"1"), ("V", b"1")],
        [("X", b"0")],
        [("T", b"\xff")],
        [("V", b"[")],
        [("I", b"")],
        [("T", b"x" * 200_000), *[("S", b"1")] * 2000],
    ],
)
def test_an_invalid_frame_is_rejected(parts: list[tuple[str, bytes]]) -> None:
    builder = FrameBuilder(FrameLimits())
    with pytest.raises((ValueError, IndexError, TypeError)):
        for kind, body in parts:
            builder.add(kind, body)
        builder.finish()


def test_no_part_takes_long_to_add() -> None:
    """The largest parts of the most expensive kinds take milliseconds; the bound leaves room for a slow machine."""
    for body in (b"[" + b"[]," * 87_000 + b"[]]", b'["' + b'\\"' * 130_000 + b'"]', orjson.dumps([0] * 130_000)):
        assert len(body) <= MAX_PART_BYTES
        started = time.thread_time()
        FrameBuilder(FrameLimits()).add("V", body)
        assert time.thread_time() - started < 0.5
