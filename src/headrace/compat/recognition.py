"""Recognise the nodes for which the server runs its own implementation, by the code that they carry.

Nothing is executed, and no hash that a flow states about itself is believed. Recognised code is never run either: the
server's own class runs in its place, so that a forged hash has no benefit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.compat.exported_code import exported_type
from headrace.compat.published_code import current_type, published_type

if TYPE_CHECKING:
    from headrace.component.component import Component
    from headrace.component.registry import Registry


def own_component(
    type_name: str, code: str | None, registry: Registry, *, edited: bool = True
) -> type[Component] | None:
    """Return the server's component class that runs a node, or None if its code belongs to its author.

    None is also returned for a type that this server lacks.

    Args:
        type_name: the type that the node states, in the naming of any version. It counts for a node without code.
        code: the code that the node carries.
        registry: the server's components.
        edited: whether the node states that its author changed the code. A node of the operator's folders that was not
            edited runs the folder's present component, since a flow carries the source of the day it was drawn.

    """
    server_type = own_type(type_name, code)
    if server_type is not None:
        return registry.find(server_type)
    if code is None:
        return None
    return registry.find_by_code(code) or (None if edited else registry.find_in_folders(type_name))


def has_foreign_code(type_name: str, code: str | None, registry: Registry, *, edited: bool = True) -> bool:
    """Return whether a node carries code that is not the server's own and runs only if it is approved."""
    return code is not None and has_statements(code) and own_component(type_name, code, registry, edited=edited) is None


def own_type(type_name: str, code: str | None) -> str | None:
    """Return the type of the server's component that a node stands for, or None if its code belongs to its author.

    Source that Langflow published, or that an export of this server carries, determines the type, whatever type the node
    states. A node without code, or with code that has no statement, is of the type that it states. The sources of the
    server's own components are known to the registry alone: `Registry.find_by_code`.

    Args:
        type_name: the type that the node states, in the naming of any version.
        code: the code that the node carries.

    """
    if code is None or not has_statements(code):
        return current_type(type_name)
    return published_type(code) or exported_type(code)


def has_statements(code: str) -> bool:
    """Return whether a source contains anything but blank lines and comments."""
    return any(stripped and not stripped.startswith("#") for stripped in map(str.strip, code.splitlines()))
