"""Prompt templates: texts with `{names}` in them. `{{` and `}}` stand for braces."""

from __future__ import annotations

import string
from collections.abc import Mapping
from typing import Any

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


def gap_field(name: str) -> dict[str, Any]:
    """Return the field that a name becomes in its node's template."""
    return {
        "field_type": "str",
        "required": False,
        "placeholder": "",
        "list": False,
        "show": True,
        "multiline": True,
        "value": "",
        "fileTypes": [],
        "file_path": "",
        "name": name,
        "display_name": name,
        "advanced": False,
        "input_types": ["Message"],
        "dynamic": False,
        "info": "",
        "load_from_db": False,
        "title_case": False,
        "type": "str",
    }


def with_gaps(fields: Mapping[str, Any], template: str, before: list[str]) -> tuple[dict[str, Any], list[str]]:
    """Return a node's fields with one for each name in `template`, and these names.

    Fields of names that were in the template before and are gone are dropped; the others keep their values.

    Args:
        fields: the node's template.
        template: the text.
        before: the names that it held until now.

    Raises:
        TemplateError: the text cannot be read, or a name is that of another field.

    """
    names = gaps(template)
    kept = {n: f for n, f in fields.items() if n not in before or n in names}
    for name in names:
        if name in kept and name not in before and not _is_gap_field(kept[name]):
            raise TemplateError(f"{{{name}}} has the name of another field of this component. Choose another name.")
        kept.setdefault(name, gap_field(name))
    return kept, names


def _is_gap_field(field: object) -> bool:
    return isinstance(field, dict) and field.get("field_type") == "str" and "_input_type" not in field
