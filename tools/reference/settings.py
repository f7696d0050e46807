"""Generate the tables of settings."""

from __future__ import annotations

import json
import typing
from pathlib import Path

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from headrace.settings import SETTINGS_GROUPS
from headrace.settings.declaration import SettingsGroup, variable_names
from tools.reference.markdown import first_paragraph, format_code_list, format_table

#: A longer default would break the table.
MAX_DEFAULT_CHARACTERS = 60


def settings_tables() -> str:
    """Return a section with a table for each group of settings."""
    return "\n".join(_group_section(name, group) for name, group in SETTINGS_GROUPS.items())


def _group_section(name: str, group: type[SettingsGroup]) -> str:
    rows = [
        (_variables(group, field_name), _default(field), _description(field))
        for field_name, field in group.model_fields.items()
    ]
    title = name.replace("_", " ").capitalize()
    return (
        f"## {title}\n\n{first_paragraph(group.__doc__)}\n\n{format_table(('setting', 'default', 'description'), rows)}"
    )


def _variables(group: type[SettingsGroup], field_name: str) -> str:
    name, *aliases = variable_names(group, field_name)
    return f"`{name}`" + (f" (also {format_code_list(aliases)})" if aliases else "")


def _description(field: FieldInfo) -> str:
    choices = next((typing.get_args(a) for a in _annotations(field) if typing.get_origin(a) is typing.Literal), ())
    return (field.description or "") + (f" One of {format_code_list(choices)}." if choices else "")


def _annotations(field: FieldInfo) -> list[object]:
    return [field.annotation, *typing.get_args(field.annotation)]


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is None or value == [] or value == "" or value is PydanticUndefined:
        return "none"
    if isinstance(value, SecretStr):
        return "secret"
    if isinstance(value, Path):
        return f"`{str(value).replace(str(Path.home()), '~')}`"
    text = value if isinstance(value, str) else json.dumps(value)
    return f"`{text}`" if len(text) <= MAX_DEFAULT_CHARACTERS else f"a list of {len(value)} names"
