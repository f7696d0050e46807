"""Prompt templates: texts with `{names}` in them. `{{` and `}}` stand for braces."""

from __future__ import annotations

import string
from collections.abc import Mapping

from headrace.errors import HeadraceError


class TemplateError(HeadraceError):
    """A template cannot be read; says where and how to write it."""


def _parts(template: str) -> list[tuple[str, str | None]]:
    try:
        parsed = list(string.Formatter().parse(template))
    except ValueError as error:
        raise TemplateError(
            f"The template cannot be read: {error}. Write {{{{ and }}}} for braces that stay."
        ) from error
    for _, gap, spec, conversion in parsed:
        if gap is not None and (spec or conversion or not gap.isidentifier()):
            raise TemplateError(
                f"{{{gap}}} is no name. A gap holds a name alone; write {{{{ and }}}} for braces that stay."
            )
    return [(literal, gap) for literal, gap, _, _ in parsed]


def gaps(template: str) -> list[str]:
    """Return the names in a template, each once, in their order.

    Raises:
        TemplateError: a brace stands alone, or a gap holds more than a name.

    """
    return list(dict.fromkeys(gap for _, gap in _parts(template) if gap is not None))


def fill(template: str, values: Mapping[str, str]) -> str:
    """Return `template` with each `{name}` replaced, by plain text and in one pass; a name without a value becomes empty.

    Names are only names: an attribute or an index in a gap is refused, so no object is reached into.

    Raises:
        TemplateError: a brace stands alone, or a gap holds more than a name.

    """
    return "".join(literal + (values.get(gap, "") if gap is not None else "") for literal, gap in _parts(template))
