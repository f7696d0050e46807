"""Every name that published components import is served, or says what to use instead."""

from __future__ import annotations

import sys

import pytest

from headrace.compat.imports import import_for_code, problem_with
from headrace.compat.loading import ComponentCodeError, load_component
from tests.compat.sdk_names import SDK_NAMES

#: Of 264; the others belong to products of their own, or to the inside of another server.
SERVED = 232


def served(module: str, name: str) -> bool:
    try:
        found = import_for_code(module, fromlist=(name,))
    except ImportError as error:
        told = str(error)
        assert told.startswith((f"{module} is not there", f"{module}.{name} is not there")), told
        assert len(told.split(". ", 1)[1]) > 10, told
        return False
    return getattr(found, name) is not None


def test_each_name_is_served_or_says_what_to_use_instead() -> None:
    outcomes = {f"{module}:{name}": served(module, name) for module, names in SDK_NAMES.items() for name in names}
    assert len(outcomes) == 264
    assert sum(outcomes.values()) == SERVED


def test_the_names_of_a_submodule_are_reached_through_its_package() -> None:
    package = import_for_code("lfx.base.models.openai_constants")
    assert "gpt-4o" in package.base.models.openai_constants.OPENAI_CHAT_MODEL_NAMES
    assert import_for_code("langflow.schema", fromlist=("data",)).data.Data.__name__ == "Data"
    with pytest.raises(ImportError, match=r"lfx\.nowhere is not there"):
        import_for_code("lfx.nowhere")


OLDER = "from langchain.chains import LLMChain\nfrom lfx.custom import Component\n\nclass A(Component):\n    display_name = 'A'\n"


def test_older_names_of_langchain_need_their_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_component(OLDER).display_name == "A"
    assert problem_with("langchain.chains") == ""
    for name in [n for n in sys.modules if n.partition(".")[0] == "langchain_classic"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "langchain_classic", None)
    with pytest.raises(ComponentCodeError, match=r"pip install 'headrace\[classic\]'"):
        load_component(OLDER)


def test_what_langchain_itself_lacks_is_told_as_python_tells_it() -> None:
    with pytest.raises(ComponentCodeError, match=r"line 1: (Import|ModuleNotFound)Error"):
        load_component("from langchain.no_such import thing\n")
    with pytest.raises(ComponentCodeError, match="line 1: ImportError"):
        load_component("from langchain.chains import no_such_chain\n")
