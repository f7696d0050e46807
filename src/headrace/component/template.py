"""A prompt's `{names}` as fields of its node."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headrace.schema.template import TemplateError, gaps


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
