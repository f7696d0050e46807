"""The fields of a prompt node: one for each placeholder of its template."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headrace.schema.template import TemplateError, placeholders

#: Maximum number of different placeholders in a template; each becomes a field of about 400 bytes.
MAX_PLACEHOLDERS = 1000
#: Maximum length of a placeholder's name, in characters.
MAX_NAME_LENGTH = 200


def placeholder_field(name: str) -> dict[str, Any]:
    """Return the field JSON of a placeholder."""
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


def sync_placeholder_fields(
    fields: Mapping[str, Any], template: str, previous_names: list[str]
) -> tuple[dict[str, Any], list[str]]:
    """Add a field for each new placeholder of a prompt's template and remove those of deleted placeholders.

    Args:
        fields: the node's fields: name to field JSON.
        template: the prompt's text.
        previous_names: the placeholders of the previous text.

    Returns:
        The fields and the placeholders. Existing fields retain their values.

    Raises:
        TemplateError: the template is not valid or has too many placeholders, or a placeholder has the name of another
            field.

    """
    names = placeholders(template)
    if len(names) > MAX_PLACEHOLDERS:
        raise TemplateError(f"The template has more than {MAX_PLACEHOLDERS} placeholders. Split it.")
    if any(len(name) > MAX_NAME_LENGTH for name in names):
        raise TemplateError(f"A placeholder of the template is longer than {MAX_NAME_LENGTH} characters. Shorten it.")
    previous, current = frozenset(previous_names), frozenset(names)
    synced = {name: field for name, field in fields.items() if name not in previous or name in current}
    for name in names:
        if name in synced and name not in previous and not _is_placeholder_field(synced[name]):
            raise TemplateError(f"{{{name}}} has the name of another field of this component. Choose another name.")
        synced.setdefault(name, placeholder_field(name))
    return synced, names


def _is_placeholder_field(field: object) -> bool:
    return isinstance(field, dict) and field.get("field_type") == "str" and "_input_type" not in field
