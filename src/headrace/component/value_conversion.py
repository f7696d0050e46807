"""Check the value of a field against the field's type, and convert texts that express such a value."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

#: Types of fields that hold a text.
TEXT_TYPES = frozenset({"str", "query", "prompt", "tab", "link"})


class FieldTypeError(ValueError):
    """A value does not have the type of its field. `expected` and `actual` describe both types in words."""

    def __init__(self, expected: str, value: object) -> None:
        self.expected = expected
        self.actual = describe_type(value)
        super().__init__(f"expects {expected}, not {self.actual}")


def describe_type(value: object) -> str:
    """Return the type of a JSON value, or of another object, in words. The value itself may be a secret."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "a Boolean value"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "a text"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, Mapping):
        return "an object"
    return f"a value of the class {type(value).__name__}"


def convert_value(field_type: str, value: object, *, is_list: bool = False, exact: bool = False) -> object:
    """Return a value in the type of its field. Types without a check accept every value.

    Args:
        field_type: the `type` of the field in a node's template.
        value: a JSON value. None and an empty text leave the field empty and fit every type.
        is_list: whether the field can hold a list of values.
        exact: whether a value that has to be converted is an error.

    Raises:
        FieldTypeError: the value does not have the field's type, and is not a text that expresses such a value.

    """
    if is_list and isinstance(value, list):
        return [convert_value(field_type, item, exact=exact) for item in value]
    if field_type not in _KINDS or value is None or (isinstance(value, str) and not value):
        return value
    expected, convert = _KINDS[field_type]
    try:
        converted = convert(value)
    except ValueError:
        raise FieldTypeError(expected, value) from None
    if exact and type(converted) is not type(value):
        raise FieldTypeError(expected, value)
    return converted


def _to_integer(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    # At most the digits of the largest integer of 64 bits: long texts take long to convert.
    if isinstance(value, str) and len(value) <= 20:
        return int(value)
    raise ValueError


def _to_number(value: object) -> object:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and math.isfinite(number := float(value)):
        return number
    raise ValueError


def _to_boolean(value: object) -> object:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return value.lower() == "true"
    raise ValueError


def _to_text(value: object) -> object:
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise ValueError


def _to_paths(value: object) -> object:
    if isinstance(value, str) or (isinstance(value, list) and all(isinstance(item, str) for item in value)):
        return value
    raise ValueError


def _to_mapping(value: object) -> object:
    # The editor writes pairs as a list of objects with `key` and `value`.
    if isinstance(value, Mapping) or (isinstance(value, list) and all(isinstance(item, Mapping) for item in value)):
        return value
    raise ValueError


def _to_rows(value: object) -> object:
    if isinstance(value, bool | int | float | str):
        raise ValueError  # noqa: TRY004 - the caller raises an error with the types
    return value


#: Field type to the type of its values in words, and a function that converts a value or raises ValueError.
_KINDS: Mapping[str, tuple[str, Callable[[object], object]]] = {
    "int": ("a whole number", _to_integer),
    "float": ("a number", _to_number),
    "slider": ("a number", _to_number),
    "bool": ("true or false", _to_boolean),
    "file": ("the path of a file, or a list of paths", _to_paths),
    "dict": ("an object", _to_mapping),
    "NestedDict": ("an object", _to_mapping),
    "table": ("a list of rows", _to_rows),
    **dict.fromkeys(TEXT_TYPES, ("a text", _to_text)),
}
