"""Rules for connecting ports by type."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

#: Port types that are compatible with every other type.
ANY_TYPES = frozenset({"Any", "object"})


def are_compatible(output_types: AbstractSet[str], accepted_types: AbstractSet[str]) -> bool:
    """Return whether an output can be connected to a port.

    Args:
        output_types: the types of the output.
        accepted_types: the types that the port accepts; an empty set accepts every type.

    """
    if not accepted_types:
        return True
    return bool(output_types & accepted_types or (output_types | accepted_types) & ANY_TYPES)
