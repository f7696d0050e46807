"""Check the field values of a single component, such as those of a test."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from headrace.component.component import Component, ComponentError
from headrace.component.inputs import MessageInput, PromptInput
from headrace.component.nearest_name import suggestion
from headrace.component.value_conversion import FieldTypeError, convert_value
from headrace.schema.template import placeholders

if TYPE_CHECKING:
    from headrace.component.inputs import Input


class FieldError(ComponentError):
    """A value does not fit the fields of a component."""


def check_fields(component: type[Component], values: Mapping[str, Any], extra: Iterable[str] = ()) -> None:
    """Check that values fit the fields of a component, and that no required field is empty.

    A text that expresses a number is not a number here: the caller writes Python, not JSON.

    Args:
        component: the class.
        values: field name to value.
        extra: names of fields that the class does not declare, such as those of a node that an editor has changed.

    Raises:
        FieldError: a field is unknown, or a value is missing or has the wrong type.

    """
    name = component.__name__
    declared = {field.name: field for field in component.inputs}
    known = {*declared, *extra, *_placeholder_fields(component, values)}
    for key, value in values.items():
        if key not in known:
            raise FieldError(f"{name} has no field {key!r}. {suggestion(key, declared)}")
        if key in declared:
            _check_type(name, declared[key], value)
    missing = [
        field.name
        for field in component.inputs
        if field.required and field.show and is_empty(field.value) and is_empty(values.get(field.name))
    ]
    if missing:
        nouns = "a value for the required field" if len(missing) == 1 else "values for the required fields"
        raise FieldError(f"{name} needs {nouns} {', '.join(map(repr, missing))}.")


def is_empty(value: object) -> bool:
    """Return whether a field has no value."""
    return value is None or (isinstance(value, str | list | dict) and not value)


def _placeholder_fields(component: type[Component], values: Mapping[str, Any]) -> list[str]:
    """Return the fields that the placeholders of templates add to a node."""
    templates = [values.get(f.name, f.value) for f in component.inputs if isinstance(f, PromptInput)]
    return [name for template in templates if isinstance(template, str) for name in placeholders(template)]


def _check_type(name: str, field: Input, value: object) -> None:
    is_list = bool(getattr(field, "is_list", False))
    for item in value if is_list and isinstance(value, list) else [value]:
        if _is_port_value(field, item):
            continue
        try:
            convert_value(field.field_type, item, exact=True)
        except FieldTypeError as error:
            raise FieldError(f"The field {field.name!r} of {name} {error}.") from None


def _is_port_value(field: Input, value: object) -> bool:
    """Return whether a value can arrive over an edge: an object of a class such as `Message`, for a field with a port."""
    is_plain = value is None or isinstance(value, bool | int | float | str | list | tuple | dict)
    return bool(field.input_types) and (not is_plain or isinstance(field, MessageInput))
