"""Text is split as LangChain's splitter does, in linear time and to a limited size."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from langchain_text_splitters import CharacterTextSplitter

from headrace.parsing.errors import ParsingLimitError
from headrace.parsing.text_chunks import TextSplitter


@given(
    st.text("ab \n.", max_size=60),
    st.sampled_from(["", "\n", "a", "..", "ab", " "]),
    st.integers(1, 20),
    st.integers(0, 20),
    st.sampled_from([False, True, "start", "end"]),
)
def test_chunks_equal_those_of_langchain(text: str, separator: str, size: int, overlap: int, keep: bool | str) -> None:
    assume(overlap <= size)
    expected = CharacterTextSplitter(
        separator=separator,
        chunk_size=size,
        chunk_overlap=overlap,
        keep_separator=keep,
    ).split_text(text)
    assert TextSplitter(separator, size, overlap, keep).split(text) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(("size", "overlap"), [(0, 0), (10, -1), (10, 11)])
def test_sizes_are_checked(size: int, overlap: int) -> None:
    with pytest.raises(ValueError, match=r"must be|larger"):
        TextSplitter("\n", size, overlap)


def test_large_windows_and_overlaps_are_limited() -> None:
    # Quadratic algorithms do not end within the time limit of a test.
    assert len(TextSplitter("", 250_000, 1).split("x" * 500_000)) == 3
    with pytest.raises(ParsingLimitError, match="overlap too much"):
        TextSplitter("", 250_000, 249_999).split("x" * 500_000)
