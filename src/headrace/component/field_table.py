"""The fields of a component class, prepared once so that creating an instance is cheap."""

from __future__ import annotations

import copy
import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headrace.component.inputs import ListableInput, MessageInput, MessageTextInput
from headrace.schema import Message

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from headrace.component.component import Component
    from headrace.component.inputs import Input


@dataclass(frozen=True, slots=True)
class FieldTable:
    """The fields of a class: defaults as instances see them, and converters for values that need one."""

    inputs: list[Input]
    names: frozenset[str]
    #: Immutable defaults, shared by all instances.
    defaults: dict[str, object]
    #: Defaults that are lists or dictionaries: each instance gets its own.
    default_factories: tuple[tuple[str, Callable[[], object]], ...]
    #: Field names with the converter of their values, or None for values that are used unchanged.
    converters: tuple[tuple[str, Callable[[object], object] | None], ...]
    #: Fields for which the class has a settable property; its setter receives the value.
    settable: tuple[str, ...]

    def assign(self, component: Component, values: Mapping[str, Any]) -> None:
        """Set the fields of an instance to `values`, or to their defaults where a value is missing."""
        attributes = component.__dict__
        attributes.update(self.defaults)
        for name, create_default in self.default_factories:
            if name not in values:
                attributes[name] = create_default()
        for name, convert in self.converters:
            if name in values:
                value = values[name]
                # Most values are text, which no converter changes unless it is empty.
                attributes[name] = value if convert is None or (type(value) is str and value) else convert(value)
        for name in self.settable:
            setattr(component, name, attributes.pop(name))

    def default(self, name: str) -> object:
        """Return the default of a field as an instance sees it."""
        return self.defaults[name] if name in self.defaults else dict(self.default_factories)[name]()


def field_table(component: type[Component]) -> FieldTable:
    """Return the field table of a class, creating it on first use."""
    table: FieldTable | None = component.__dict__.get("_field_table")
    if table is None or table.inputs is not component.inputs:
        table = component._field_table = _create_table(component)  # noqa: SLF001 - the accessor
    return table


def field_value(field: Input, value: object) -> object:
    """Return a field's value as its component sees it: a message's text, and an empty list for an empty value."""
    if isinstance(field, MessageTextInput) and not isinstance(field, MessageInput):
        return [_as_text(item) for item in value] if isinstance(value, list) else _as_text(value)
    if isinstance(field, ListableInput) and field.is_list and value in ("", None):
        return []
    return value


def _create_table(component: type[Component]) -> FieldTable:
    defaults = {field.name: field_value(field, field.value) for field in component.inputs}
    return FieldTable(
        inputs=component.inputs,
        names=frozenset(defaults),
        defaults={name: value for name, value in defaults.items() if not isinstance(value, list | dict)},
        default_factories=tuple(
            (name, functools.partial(copy.deepcopy, value) if value else type(value))
            for name, value in defaults.items()
            if isinstance(value, list | dict)
        ),
        converters=tuple((field.name, _converter(field)) for field in component.inputs),
        settable=tuple(name for name in defaults if _is_settable(component, name)),
    )


def _converter(field: Input) -> Callable[[object], object] | None:
    is_text = isinstance(field, MessageTextInput) and not isinstance(field, MessageInput)
    is_list = isinstance(field, ListableInput) and field.is_list
    return functools.partial(field_value, field) if is_text or is_list else None


def _is_settable(component: type[Component], name: str) -> bool:
    attribute = getattr(component, name, None)
    return isinstance(attribute, property) and attribute.fset is not None


def _as_text(value: object) -> object:
    if isinstance(value, Message):
        return value.text
    return "" if value is None else value
