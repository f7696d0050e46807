"""Component sources that Langflow published are recognised by their hash alone."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.compat.published_code import (
    RENAMED_TYPES,
    current_type,
    is_published,
    published_type,
)
from headrace.component.node_json import code_hash

TABLE: dict[str, str] = json.loads(
    resources.files("headrace.compat.published").joinpath("code_hashes.json").read_text(encoding="utf-8")
)


@pytest.fixture
def published_source(monkeypatch: pytest.MonkeyPatch) -> str:
    """Return a source that the table lists for the type Prompt, which is called Prompt Template today."""
    source = "class PromptComponent(Component):\n    display_name = 'Prompt'\n"
    from headrace.compat import published_code

    monkeypatch.setattr(published_code, "types_by_hash", lambda: {code_hash(source): "Prompt"})
    return source


def test_the_table_holds_every_published_source_once() -> None:
    digests = [digest for listed in TABLE.values() for digest in listed.split(" ")]
    assert len(TABLE) == 427
    assert len(digests) == len(set(digests)) == 2504
    assert all(re.fullmatch("[0-9a-f]{12}", digest) for digest in digests)


def test_a_published_source_has_the_present_name_of_its_type(published_source: str) -> None:
    assert published_type(published_source) == "Prompt Template"
    assert is_published(published_source)


def test_one_changed_character_makes_a_source_unknown(published_source: str) -> None:
    for position in range(len(published_source)):
        changed = published_source[:position] + "\x00" + published_source[position + 1 :]
        assert published_type(changed) is None


@given(st.text(max_size=200))
def test_a_source_that_was_not_published_has_no_type(code: str) -> None:
    assert published_type(code) is None
    assert not is_published(code)


def test_a_source_with_a_lone_surrogate_has_a_hash() -> None:
    assert published_type("\ud800") is None


def test_renamed_types_lead_to_a_name_that_was_not_renamed_again() -> None:
    assert all(current_type(name) == name for name in RENAMED_TYPES.values())
    assert RENAMED_TYPES.keys() <= TABLE.keys()
    assert set(RENAMED_TYPES.values()) <= TABLE.keys()


@pytest.mark.parametrize("name", ["ChatInput", "a type that nobody has", ""])
def test_other_type_names_stay(name: str) -> None:
    assert current_type(name) == name


def test_the_table_is_read_on_first_use() -> None:
    script = (
        "from headrace.compat import published_code as p\n"
        "assert p.types_by_hash.cache_info().currsize == 0\n"
        "p.published_type('x')\n"
        "assert p.types_by_hash.cache_info().currsize == 1\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
