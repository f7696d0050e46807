"""The server's own components, as flows written in Python import them from `lfx.components.<category>`."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING

from headrace.compat.component import Component

if TYPE_CHECKING:
    from headrace.component.registry import Registry


@functools.cache
def _registry() -> Registry:
    import headrace.components
    from headrace.component.registry import Registry

    return Registry.from_package(headrace.components)


@functools.cache
def find_component_class(class_name: str) -> type[Component] | None:
    """Return the server's component with a class name, as a class with the API of Langflow, or None if it is missing.

    Args:
        class_name: the name of the class, with or without the suffix `Component`.

    """
    component = _registry().find_by_class_name(class_name) or _registry().find_by_class_name(f"{class_name}Component")
    if component is None:
        return None
    attributes = {
        "__module__": component.__module__,
        "icon": component.icon,
        "source": inspect.getsource(inspect.getmodule(component) or component),
    }
    return type(component.__name__, (Component, component), attributes)
