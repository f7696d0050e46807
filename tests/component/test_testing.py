"""`headrace.testing` accepts the fields that a component declares, and names the nearest one otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from headrace.component import (
    BoolInput,
    Component,
    HandleInput,
    IntInput,
    MessageTextInput,
    Output,
    PromptInput,
    SliderInput,
    StrInput,
)
from headrace.component.component import ComponentError
from headrace.component.field_check import FieldError
from headrace.schema import Data, Message
from headrace.testing import load, run


class Repeat(Component):
    """Repeat a text."""

    display_name = "Repeat"
    inputs = [
        MessageTextInput(name="text", required=True),
        IntInput(name="times", value=2),
        StrInput(name="separators", is_list=True),
        BoolInput(name="loud"),
        SliderInput(name="volume", value=0.5),
        HandleInput(name="source", input_types=["Data"]),
        StrInput(name="variables"),
        StrInput(name="hidden", required=True, show=False),
    ]
    outputs = [Output(name="repeated", method="repeat")]

    def repeat(self) -> Message:
        """Return the text, repeated."""
        return Message(text=self.text * self.times)


class Greeting(Component):
    """Fill in a template."""

    display_name = "Greeting"
    inputs = [PromptInput(name="template")]
    outputs = [Output(name="names", method="names")]

    def names(self) -> Data:
        """Return the values of the node."""
        return Data(data=dict(self.values))


def test_values_that_fit_are_accepted() -> None:
    assert run(Repeat, text="ab").value.text == "abab"
    assert run(Repeat, text=Message(text="ab"), times=1, source=Data(), separators=["-"], volume=1).value.text == "ab"
    assert run(Repeat, text="a", extra_fields={"variables": "x", "added_by_the_editor": 3}).value.text == "aa"
    assert run(Greeting, template="Hello {name}", name="Ada").value.data["name"] == "Ada"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"txt": "a"}, "Repeat has no field 'txt'. Did you mean 'text'?"),
        ({"text": "a", "zzz": 1}, "Repeat has no field 'zzz'. Choose from: text, times, separators, loud, volume,"),
        ({"text": "a", "times": "3"}, "The field 'times' of Repeat expects a whole number, not a text."),
        ({"text": "a", "times": 2.5}, "The field 'times' of Repeat expects a whole number, not a number."),
        ({"text": "a", "loud": 1}, "The field 'loud' of Repeat expects true or false, not a number."),
        ({"text": "a", "volume": "high"}, "The field 'volume' of Repeat expects a number, not a text."),
        ({"text": "a", "separators": [1]}, "The field 'separators' of Repeat expects a text, not a number."),
        ({"text": ["a"]}, "The field 'text' of Repeat expects a text, not a list."),
        ({"text": 3}, "The field 'text' of Repeat expects a text, not a number."),
        (
            {"text": "a", "hidden": Data()},
            "The field 'hidden' of Repeat expects a text, not a value of the class Data.",
        ),
        ({}, "Repeat needs a value for the required field 'text'."),
        ({"text": ""}, "Repeat needs a value for the required field 'text'."),
    ],
)
def test_values_that_do_not_fit_are_an_error_that_names_the_field(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(FieldError) as caught:
        run(Repeat, **fields)
    assert message in str(caught.value)


def test_an_unknown_output_is_an_error_that_names_the_nearest_one() -> None:
    with pytest.raises(ComponentError, match=r"Repeat has no output 'repeat'\. Did you mean 'repeated'"):
        run(Repeat, "repeat", text="a")


def test_the_traceback_of_a_loaded_file_names_it(tmp_path: Path) -> None:
    path = tmp_path / "fail.py"
    path.write_text(
        "from lfx.custom import Component\nfrom lfx.io import Output\n\n\nclass Fail(Component):\n"
        "    outputs = [Output(name='out', method='go')]\n\n    def go(self):\n        1 / 0\n"
    )
    with pytest.raises(ZeroDivisionError) as caught:
        run(load(path))
    assert (caught.traceback[-1].path, caught.traceback[-1].lineno + 1) == (path, 9)
