"""Write the targets of module maps."""

from __future__ import annotations


def targets(module: str, *names: str) -> dict[str, str]:
    """Return the target of each name in a module: `{name: "module:name"}`."""
    return {name: f"{module}:{name}" for name in names}
