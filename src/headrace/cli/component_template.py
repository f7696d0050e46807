"""Write a new component file and its test."""

from __future__ import annotations

import keyword
import re
from pathlib import Path

import headrace.components
from headrace.component.registry import Registry
from headrace.errors import BadRequestError

#: Letters with digits, split before each capital letter that follows a small one.
_WORDS = re.compile(r"[A-Z]+(?![a-z])\d*|[A-Za-z][a-z0-9]*|\d+")

_SOURCE = '''"""{title}."""

from lfx.custom import Component
from lfx.io import MessageTextInput, Output
from lfx.schema import Message


class {class_name}(Component):
    """Return a text."""

    display_name = "{title}"
    description = "Returns its text."
    icon = "puzzle"
    inputs = [
        MessageTextInput(name="text", display_name="Text", info="The text to return.", required=True),
    ]
    outputs = [
        Output(name="result", display_name="Result", method="build_result"),
    ]

    def build_result(self) -> Message:
        """Return the text."""
        return Message(text=self.text)
'''

_TEST = '''"""Tests of {title}."""

from pathlib import Path

from headrace.testing import load, run

{class_name} = load(Path(__file__).with_name("{module}.py"))


def test_the_result_is_the_text():
    assert run({class_name}, text="hello").value.text == "hello"
'''


class NewComponentError(BadRequestError):
    """A component file cannot be written."""


def write_component(folder: Path, category: str, name: str) -> tuple[Path, Path]:
    """Write a component and its test to `<folder>/<category>/`, and return both paths. No file is overwritten.

    Raises:
        NewComponentError: the name or the category is not valid, a file exists, or the folder is not writable.

    """
    words = _WORDS.findall(name)
    class_name = "".join(word[:1].upper() + word[1:] for word in words)
    module = "_".join(word.lower() for word in words)
    if not class_name.isidentifier() or keyword.iskeyword(class_name) or keyword.iskeyword(module):
        raise NewComponentError(
            f"{name!r} is not a name for a component. Use words of the letters A to Z and digits, such as 'Word Count'."
        )
    if not re.fullmatch(r"[A-Za-z0-9][\w-]*", category):
        raise NewComponentError(f"{category!r} is not a category. Use letters, digits, '_' and '-', such as 'texts'.")
    if Registry.from_package(headrace.components).find(class_name) is not None:
        raise NewComponentError(
            f"The server has a component of the type {class_name!r}, which the new one would replace. Choose another name."
        )
    values = {
        "title": " ".join(word[:1].upper() + word[1:] for word in words),
        "class_name": class_name,
        "module": module,
    }
    source, test = folder / category / f"{module}.py", folder / category / f"test_{module}.py"
    for path in (source, test):
        if path.exists():
            raise NewComponentError(f"{path} exists. Choose another name or category, or delete the file.")
    try:
        source.parent.mkdir(parents=True, exist_ok=True)
        source.write_text(_SOURCE.format(**values), encoding="utf-8")
        test.write_text(_TEST.format(**values), encoding="utf-8")
    except OSError as error:
        raise NewComponentError(
            f"{error.filename} cannot be written: {error.strerror}. Choose another --folder."
        ) from error
    return source, test
