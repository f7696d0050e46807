"""Every name that published components import resolves, or its error names an alternative."""

from __future__ import annotations

import sys

import pytest

from headrace.compat.importer import import_for_code, import_problem
from headrace.compat.loader import ComponentCodeError, load_component
from tests.compat.sdk_names import SDK_NAMES

#: The names that resolve, of 264. The others belong to other products or to internals of Langflow.
RESOLVED_NAMES = 232


def resolves(module: str, name: str) -> bool:
    try:
        imported = import_for_code(module, fromlist=(name,))
    except ImportError as error:
        message = str(error)
        assert message.startswith((f"{module} is not available", f"{module}.{name} is not available")), message
        assert len(message.split(". ", 1)[1]) > 10, message
        return False
    return getattr(imported, name) is not None


def test_every_imported_name_resolves_or_has_an_alternative_in_its_error() -> None:
    outcomes = {f"{module}:{name}": resolves(module, name) for module, names in SDK_NAMES.items() for name in names}
    assert len(outcomes) == 264
    assert sum(outcomes.values()) == RESOLVED_NAMES


def test_the_names_of_a_submodule_are_accessible_through_its_package() -> None:
    package = import_for_code("lfx.base.models.openai_constants")
    assert "gpt-4o" in package.base.models.openai_constants.OPENAI_CHAT_MODEL_NAMES
    assert import_for_code("langflow.schema", fromlist=("data",)).data.Data.__name__ == "Data"
    with pytest.raises(ImportError, match=r"lfx\.nowhere is not available"):
        import_for_code("lfx.nowhere")


OLDER = "from langchain.chains import LLMChain\nfrom lfx.custom import Component\n\nclass A(Component):\n    display_name = 'A'\n"


def test_names_of_langchain_0_3_need_the_extra_classic(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_component(OLDER).display_name == "A"
    assert import_problem("langchain.chains") == ""
    for name in [n for n in sys.modules if n.partition(".")[0] == "langchain_classic"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "langchain_classic", None)
    with pytest.raises(ComponentCodeError, match=r"pip install 'headrace\[classic\]'"):
        load_component(OLDER)


def test_a_missing_name_of_langchain_raises_the_error_of_python() -> None:
    with pytest.raises(ComponentCodeError, match=r"line 1: (Import|ModuleNotFound)Error"):
        load_component("from langchain.no_such import thing\n")
    with pytest.raises(ComponentCodeError, match="line 1: ImportError"):
        load_component("from langchain.chains import no_such_chain\n")
