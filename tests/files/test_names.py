"""Names of files are safe in paths, headers and archives."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from headrace.api.download import UniqueNames, attachment
from headrace.files.names import clean_name


@given(st.text(alphabet=st.characters(codec=None)))
def test_a_clean_name_is_one_part_of_a_path(name: str) -> None:
    cleaned = clean_name(name)
    assert cleaned
    assert cleaned not in {".", ".."}
    assert len(cleaned) <= 200
    assert not set(cleaned) & set('/\\\0\r\n"')
    assert clean_name(cleaned) == cleaned
    for value in attachment(cleaned).values():
        value.encode("latin-1")


@given(st.lists(st.sampled_from(["a.txt", "A.txt", "a (1).txt", "b", "B"])))
def test_an_archives_names_are_each_their_own(names: list[str]) -> None:
    unique = UniqueNames()
    given_out = [unique.take(name).lower() for name in names]
    assert len(set(given_out)) == len(names)
