"""`Definition`: the field values and links that were set on a component of a flow written in Python."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from headrace.component.component import Component, ComponentError

if TYPE_CHECKING:
    from collections.abc import Mapping


C = TypeVar("C", bound=Component)


@dataclass(frozen=True, slots=True)
class OutputRef(Generic[C]):
    """An output of a component that fills a field of another one."""

    component: C
    output: str


@dataclass(slots=True)
class Definition(Generic[C]):
    """The fields that were set on a component: values by name, and links to outputs by name."""

    #: The class whose instances, and the methods of whose instances, stand for outputs.
    base_class: type[C]
    values: dict[str, Any] = field(default_factory=dict)
    links: dict[str, list[OutputRef[C]]] = field(default_factory=dict)

    def update(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Store fields and return those that have a value rather than links.

        Args:
            fields: field name to a value, a component, a bound method of a component, or a list of them.

        Raises:
            ComponentError: a component has no output, or a method computes none of its component's outputs.

        """
        values: dict[str, Any] = {}
        for name, value in fields.items():
            items = value if isinstance(value, list) else [value]
            links = [link for item in items if (link := _link_from(item, self.base_class)) is not None]
            if links:
                self.links[name] = links
            else:
                self.values[name] = values[name] = value
        return values


def _link_from(value: object, base_class: type[C]) -> OutputRef[C] | None:
    """Return the output that a component or a bound method stands for, or None for any other value."""
    owner = value if isinstance(value, base_class) else getattr(value, "__self__", None)
    if not isinstance(owner, base_class):
        return None
    label = type(owner).display_name or type(owner).__name__
    if owner is value:
        if not type(owner).outputs:
            raise ComponentError(f"{label} has no output. Set the field to a value or to another component.")
        return OutputRef(owner, type(owner).outputs[0].name)
    method_name = cast("Any", value).__name__
    output = next((o for o in type(owner).outputs if o.method == method_name), None)
    if output is None:
        raise ComponentError(f"{method_name} computes no output of {label}. Use the method of one of its outputs.")
    return OutputRef(owner, output.name)
