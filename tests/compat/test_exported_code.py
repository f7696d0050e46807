"""Exports carry the server's own components as short modules, and such a module is recognised again."""

from __future__ import annotations

import ast
import sys
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.compat.exported_code import exported_code, exported_code_of, exported_type, reference_classes

TYPES = sorted(reference_classes())


def test_every_type_of_langflow_has_a_distinct_class() -> None:
    assert len(TYPES) == len(set(reference_classes().values())) == 288


@pytest.mark.parametrize(
    ("type_name", "first_line"),
    [
        ("ChatInput", "from lfx.components.input_output.chat import ChatInput"),
        ("SmartRouter", "from lfx.components.llm_operations.llm_conditional_router import SmartRouterComponent"),
        ("Prompt Template", "from lfx.components.models_and_agents.prompt import PromptComponent"),
    ],
)
def test_the_module_imports_the_class_of_the_reference(type_name: str, first_line: str) -> None:
    assert (exported_code_of(type_name) or "").splitlines()[0] == first_line


@pytest.mark.parametrize("type_name", TYPES)
def test_an_exported_module_is_recognised(type_name: str) -> None:
    code = exported_code_of(type_name) or ""
    assert exported_type(code) == type_name
    assert exported_type(code.replace("\n", "\r\n")) == type_name
    assert exported_type(code.removesuffix("\n")) == type_name


@pytest.mark.parametrize("type_name", TYPES)
def test_an_exported_module_imports_without_an_alias_and_derives_the_class(type_name: str) -> None:
    imported, assigned, derived = ast.parse(exported_code_of(type_name) or "").body
    assert isinstance(imported, ast.ImportFrom) and isinstance(derived, ast.ClassDef)
    assert [(a.name, a.asname) for a in imported.names] == [(derived.name, None)]
    assert ast.unparse(assigned) == f"ReferenceComponent = {derived.name}"
    assert [ast.unparse(base) for base in derived.bases] == ["ReferenceComponent"]


def test_an_exported_module_runs_where_its_class_exists(monkeypatch: pytest.MonkeyPatch) -> None:
    reference = ModuleType("reference_library")
    reference.Shout = type("Shout", (), {"display_name": "Shout"})  # type: ignore[attr-defined]  # built by hand
    monkeypatch.setitem(sys.modules, "reference_library", reference)
    namespace: dict[str, object] = {"__name__": "exported"}
    exec(exported_code("reference_library.Shout"), namespace)
    derived = namespace["Shout"]
    assert isinstance(derived, type) and derived is not reference.Shout
    assert issubclass(derived, reference.Shout)


@given(st.data())
def test_one_changed_character_is_not_recognised(data: st.DataObject) -> None:
    code = (exported_code_of(data.draw(st.sampled_from(TYPES))) or "").removesuffix("\n")
    position = data.draw(st.integers(0, len(code) - 1))
    character = data.draw(st.characters().filter(lambda c: c != code[position]))
    changed = code[:position] + character + code[position + 1 :]
    # A changed class path may be that of another type: then it is that type's module, letter by letter.
    other = exported_type(changed)
    assert other is None or exported_code_of(other) == changed + "\n"


@pytest.mark.parametrize("more", ["\nimport os\n", "\n\n", "    #\n", " ", "    x = print()\n"])
def test_a_module_with_additional_text_is_not_recognised(more: str) -> None:
    assert exported_type((exported_code_of("ChatInput") or "") + more) is None


def test_a_type_that_langflow_does_not_have_has_no_exported_code() -> None:
    assert exported_code_of("Shout") is None


@pytest.mark.parametrize("path", ["Class", "a.b;import os", "a.b\n", "a..B", "a.class", "", ".a.B", "a.B "])
def test_a_path_that_is_not_of_a_class_is_rejected(path: str) -> None:
    with pytest.raises(ValueError, match="not the path of a class"):
        exported_code(path)
