"""Nodes with known code or without code run the server's components."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.compat import published_code
from headrace.compat.exported_code import exported_code_of
from headrace.compat.recognition import has_statements, own_type
from headrace.component.node_json import code_hash

SOURCE = "class Shipped:\n    display_name = 'URL'\n"


@pytest.fixture(autouse=True)
def published_source(monkeypatch: pytest.MonkeyPatch) -> None:
    """List `SOURCE` as one that was published for the type URL: no published source is part of this project."""
    digest = code_hash(SOURCE)
    monkeypatch.setattr(published_code, "types_by_hash", lambda: {digest: "URL"})


@pytest.mark.parametrize("stated", ["URL", "URLComponent", "ChatInput", "a name of the author"])
def test_a_published_source_decides_the_type_whatever_the_node_states(stated: str) -> None:
    assert own_type(stated, SOURCE) == "URLComponent"


def test_an_exported_module_decides_the_type() -> None:
    assert own_type("URL", exported_code_of("ChatInput")) == "ChatInput"


@pytest.mark.parametrize("code", [None, "", "\n \n", "# the source stands elsewhere\n", "  # a\n\n# b"])
def test_a_node_without_code_is_of_the_type_it_states(code: str | None) -> None:
    assert own_type("Prompt", code) == "Prompt Template"
    assert own_type("ChatInput", code) == "ChatInput"


@pytest.mark.parametrize("code", [SOURCE.replace("URL", "url"), SOURCE + "# a comment\n", "pass", "x = 1"])
def test_any_other_code_belongs_to_its_author(code: str) -> None:
    assert own_type("URL", code) is None


@given(st.text(alphabet=st.sampled_from("# \n\r\t\f\x0b\x1c\u2028ax='\"\\"), max_size=12))
def test_code_with_a_statement_is_never_treated_as_empty(code: str) -> None:
    try:
        statements = bool(ast.parse(code).body)
    except (SyntaxError, ValueError):
        return
    assert has_statements(code) or not statements
