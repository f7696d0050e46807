"""Write values as JSON text in the forms of Langflow 1.7."""

from __future__ import annotations

import json
from itertools import chain

from headrace.limits.byte_budget import current_budget
from headrace.limits.value_size import value_size
from headrace.schema.text_size import join_texts

#: Spaces per level in fenced JSON.
INDENT_SPACES = 2


def spaced_json(value: object) -> str:
    """Return a value as JSON on one line with a space after `:` and `,`. Models get tool results in this form.

    A value that JSON cannot represent is written as its `str`. Characters outside ASCII are not escaped.
    """
    current_budget.get().check(value_size(value, current_budget.get().limits.value), "The JSON text")
    return json.dumps(value, ensure_ascii=False, default=str)


def fenced_json(value: object) -> str:
    """Return a value as a fenced Markdown block of indented JSON. Records are shown as text in this form."""
    # The indentation can make the text much larger than the value.
    encoder = json.JSONEncoder(ensure_ascii=False, default=str, indent=INDENT_SPACES)
    return join_texts(chain(["```json\n"], encoder.iterencode(value), ["\n```"]), name="The JSON text")
