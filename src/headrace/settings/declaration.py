"""Declare settings: variable names, limits and description of each, in one place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import AliasChoices, BeforeValidator, Field
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class SettingsGroup(BaseSettings):
    """Settings of one area, read from the environment and an optional env file."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


def setting(*names: str, description: str, **options: Any) -> Any:
    """Return a field that reads the first of these environment variables that is set.

    Args:
        names: Names of the variable; the first is the documented one, the others are aliases.
        description: One sentence for the documentation.
        options: The default and the limits, as for `pydantic.Field`.

    """
    return Field(validation_alias=AliasChoices(*names), description=description, **options)


def variable_names(group: type[SettingsGroup], field_name: str) -> list[str]:
    """Return the names of a field's environment variable, the documented one first."""
    alias = group.model_fields[field_name].validation_alias
    return [str(choice) for choice in alias.choices] if isinstance(alias, AliasChoices) else [field_name]


def _split_list(value: object) -> object:
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        return json.loads(value)
    return [item.strip() for item in value.split(",") if item.strip()]


def _parse_json(value: object) -> object:
    return json.loads(value) if isinstance(value, str) else value


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


#: Written as `a,b` or as a JSON list.
StringList = Annotated[list[str], NoDecode, BeforeValidator(_split_list)]
PathList = Annotated[list[Path], NoDecode, BeforeValidator(_split_list)]
#: Written as a JSON object.
StringMap = Annotated[dict[str, str], NoDecode, BeforeValidator(_parse_json)]
#: Marks a choice whose case does not matter.
IgnoreCase = BeforeValidator(_lower)
