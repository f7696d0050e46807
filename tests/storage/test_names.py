"""File names are safe in paths, headers and archives."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from headrace.api.http.download import UniqueNames, attachment_headers
from headrace.storage.filenames import sanitize_filename


@given(st.text(alphabet=st.characters(codec=None)))
def test_a_sanitized_name_is_a_single_path_segment(name: str) -> None:
    sanitized = sanitize_filename(name)
    assert sanitized
    assert sanitized not in {".", ".."}
    assert len(sanitized) <= 200
    assert not set(sanitized) & set('/\\\0\r\n"')
    assert sanitize_filename(sanitized) == sanitized
    for value in attachment_headers(sanitized).values():
        value.encode("latin-1")


@given(st.lists(st.sampled_from(["a.txt", "A.txt", "a (1).txt", "b", "B"])))
def test_names_in_an_archive_are_unique(names: list[str]) -> None:
    unique = UniqueNames()
    reserved = [unique.reserve(name).lower() for name in names]
    assert len(set(reserved)) == len(names)
