"""The names that component code may use without importing them, as in Langflow.

They are the classes of inputs and outputs, the base class, the values that travel between ports, and names for annotations.
"""

from __future__ import annotations

import ast
import importlib
from typing import Any

from headrace.compat.module_map import MODULE_MAP
from headrace.compat.module_map.targets import targets

#: Packages that belong to an extra. Their classes have to be imported, so that the error names the extra.
_OPTIONAL_PACKAGES = ("langchain_classic", "langchain_text_splitters")

#: Name to its target, `package.module:attribute`.
PRESET_NAMES: dict[str, str] = {
    **{
        name: target
        for name, target in MODULE_MAP["field_typing"].items()
        if target.partition(".")[0] not in _OPTIONAL_PACKAGES
    },
    **targets("typing", "Any", "Dict", "List", "Literal", "Optional", "Tuple", "Union", "cast"),
    **MODULE_MAP["io"],
    "Component": MODULE_MAP["custom"]["Component"],
    **{name: MODULE_MAP["schema"][name] for name in ("Data", "DataFrame", "Message")},
}


def preset_value(name: str) -> Any:
    """Return the value of a preset name."""
    module, _, attribute = PRESET_NAMES[name].partition(":")
    return getattr(importlib.import_module(module), attribute)


def preset_values(tree: ast.Module) -> dict[str, Any]:
    """Return the values of the preset names that a source uses and does not define itself."""
    used: set[str] = set()
    defined: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            (used if isinstance(node.ctx, ast.Load) else defined).add(node.id)
        elif isinstance(node, ast.alias):
            defined.add(node.asname or node.name)
        elif isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            defined.add(node.name)
    return {name: preset_value(name) for name in (used - defined) & PRESET_NAMES.keys()}
