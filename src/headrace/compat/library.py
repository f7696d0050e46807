"""The server's own components under the names by which flows in Python import them: `lfx.components.<category>`."""

from __future__ import annotations

import functools
import inspect
from typing import Any

from headrace.compat.component import Component


@functools.cache
def _by_class_name() -> dict[str, type[Any]]:
    import headrace.components
    from headrace.component.registry import Registry

    return {found.__name__: found for found in Registry.of_package(headrace.components).classes()}


@functools.cache
def component_named(name: str) -> type[Component] | None:
    """Return the server's component of this class name, as authors know components: one that can be `set`. None for no such."""
    found = _by_class_name().get(name) or _by_class_name().get(f"{name}Component")
    if found is None:
        return None
    attributes = {
        "__module__": found.__module__,
        "icon": found.icon,
        "source": inspect.getsource(inspect.getmodule(found) or found),
    }
    return type(found.__name__, (Component, found), attributes)
