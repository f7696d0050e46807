"""The generated manifest, and components that are added, edited or deleted as files."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import headrace.components
from headrace.component import manifest
from headrace.component.registry import Registry
from headrace.testing import run

SHOUT = '''"""Shout."""

from headrace.component import Component, MessageTextInput, Output
from headrace.schema import Message


class ShoutComponent(Component):
    """Return a text in capital letters."""

    name = "Shout"
    display_name = "Shout"
    description = "Return a text in capital letters."
    aliases = ("Yell",)
    inputs = [MessageTextInput(name="text", display_name="Text")]
    outputs = [Output(name="loud", display_name="Loud", method="shout")]

    def shout(self) -> Message:
        """Return the text in capital letters."""
        return Message(text=self.text.upper())
'''

START = """
import sys
import headrace.components
from headrace.component.registry import Registry

registry = Registry.from_package(headrace.components)
registry.catalog()
prefixes = ("headrace.components.", "pandas", "langchain")
print(*sorted(name for name in sys.modules if name.startswith(prefixes)))
registry.find("ChatInput")
print(*sorted(name for name in sys.modules if name.startswith("headrace.components.")))
"""


class ComponentPackage:
    """A component package in a temporary folder."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder / name
        self.name = name
        self.write("__init__.py", "")

    def write(self, path: str, text: str) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        importlib.invalidate_caches()

    def registry(self) -> Registry:
        return Registry.from_package(importlib.import_module(self.name))

    def forget_modules(self) -> None:
        for module in [m for m in sys.modules if m == self.name or m.startswith(f"{self.name}.")]:
            del sys.modules[module]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> ComponentPackage:
    monkeypatch.syspath_prepend(tmp_path)
    package = ComponentPackage(tmp_path, "component_package_of_a_test")
    package.write("texts/__init__.py", "")
    request.addfinalizer(package.forget_modules)
    return package


def test_the_committed_manifest_is_up_to_date() -> None:
    for name, content in manifest.generate(headrace.components).items():
        committed = Path(headrace.components.__path__[0], name).read_bytes()
        assert committed == content, f"{name} is out of date. Run `make manifest`."


def test_the_registry_and_the_catalog_import_no_component_before_its_first_use() -> None:
    output = subprocess.run([sys.executable, "-c", START], capture_output=True, text=True, check=True).stdout
    after_catalog, after_find = output.split("\n")[:2]
    assert after_catalog == ""
    assert after_find == "headrace.components.input_output headrace.components.input_output.chat_input"


def test_one_new_file_adds_a_component(package: ComponentPackage) -> None:
    assert manifest.main(["--package", package.name]) == 0
    package.write("texts/shout.py", SHOUT)
    registry = package.registry()
    node = registry.catalog()["texts"]["Shout"]
    assert node["template"]["code"]["value"] == SHOUT
    assert node["outputs"][0]["types"] == ["Message"]
    component = registry.find("Shout")
    assert component is not None
    assert registry.find("Yell") is component
    assert registry.find_by_code(SHOUT) is component
    assert run(component, text="quiet").value.text == "QUIET"


def test_a_new_file_fails_the_check_until_the_manifest_is_generated(
    package: ComponentPackage, capsys: pytest.CaptureFixture[str]
) -> None:
    package.write("texts/shout.py", SHOUT)
    assert manifest.main(["--package", package.name, "--check"]) == 1
    assert "Run `make manifest`" in capsys.readouterr().err
    assert manifest.main(["--package", package.name]) == 0
    assert manifest.main(["--package", package.name, "--check"]) == 0


def test_a_component_in_the_manifest_is_imported_on_first_use(package: ComponentPackage) -> None:
    package.write("texts/shout.py", SHOUT)
    assert manifest.main(["--package", package.name]) == 0
    package.forget_modules()
    registry = package.registry()
    node = registry.catalog()["texts"]["Shout"]
    assert f"{package.name}.texts.shout" not in sys.modules
    assert node["template"]["code"]["value"] == SHOUT
    assert registry.find("Shout") is not None
    assert f"{package.name}.texts.shout" in sys.modules


def test_an_edited_file_overrides_a_stale_manifest(package: ComponentPackage) -> None:
    package.write("texts/shout.py", SHOUT)
    assert manifest.main(["--package", package.name]) == 0
    package.forget_modules()
    edited = SHOUT.replace('description = "Return', 'description = "Edited: return')
    package.write("texts/shout.py", edited)
    registry = package.registry()
    assert registry.catalog()["texts"]["Shout"]["description"].startswith("Edited")
    assert registry.find_by_code(edited) is registry.find("Shout")
    assert registry.find_by_code(SHOUT) is None


def test_a_deleted_file_removes_its_component_despite_a_stale_manifest(package: ComponentPackage) -> None:
    package.write("texts/shout.py", SHOUT)
    assert manifest.main(["--package", package.name]) == 0
    (package.folder / "texts" / "shout.py").unlink()
    assert package.registry().find("Shout") is None
    assert package.registry().catalog() == {}


def test_the_source_of_an_earlier_release_is_recognised(package: ComponentPackage) -> None:
    package.write("texts/shout.py", SHOUT)
    assert manifest.main(["--package", package.name, "--release"]) == 0
    package.forget_modules()
    package.write("texts/shout.py", SHOUT.replace('description = "Return', 'description = "Edited: return'))
    registry = package.registry()
    assert registry.find_by_code(SHOUT) is registry.find("Shout")
    assert registry.find_by_code(f"{SHOUT}# changed") is None
