"""The code of the server's own components in exported flows: a short module that Langflow runs.

An exported flow must open in Langflow, whose components are imported from its own modules. The module gives the
reference's class a name that contains `Component`, by which Langflow finds the base class of a component, and derives
the class from it. This form was run on Langflow 1.7.3, where import aliases do not work.
"""

from __future__ import annotations

import functools
import json
import keyword
import re
from collections.abc import Mapping
from importlib import resources
from types import MappingProxyType

#: The module of a component class in Langflow 1.7, as `metadata.module` lists it: `lfx.components.openai.openai.Model`.
_CLASS_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+", re.ASCII)


#: The package of all components of Langflow 1.7.
_PACKAGE = "lfx.components"


@functools.cache
def reference_classes() -> Mapping[str, str]:
    """Return the path of the reference's class for each component type of Langflow 1.7, reading it on the first call."""
    text = resources.files("headrace.compat.published").joinpath("class_paths.json").read_text(encoding="utf-8")
    paths: dict[str, str] = json.loads(text)
    return MappingProxyType({type_name: f"{_PACKAGE}.{path}" for type_name, path in paths.items()})


def exported_code(class_path: str) -> str:
    """Return the code that an exported flow carries for one of the server's own components.

    Args:
        class_path: the reference's module and class, `package.module.Class`.

    Raises:
        ValueError: the path is not a dotted path of a class.

    """
    if not _CLASS_PATH.fullmatch(class_path) or any(keyword.iskeyword(part) for part in class_path.split(".")):
        raise ValueError(f"{class_path!r} is not the path of a class. Use the form 'package.module.Class'.")
    module, _, name = class_path.rpartition(".")
    return (
        f"from {module} import {name}\n\nReferenceComponent = {name}\n\n\nclass {name}(ReferenceComponent):\n    pass\n"
    )


def exported_code_of(type_name: str) -> str | None:
    """Return the code that an export carries for a component type, or None if Langflow 1.7 has no such type."""
    path = reference_classes().get(type_name)
    return None if path is None else exported_code(path)


def exported_type(code: str) -> str | None:
    """Return the component type whose exported code this is, or None.

    Only the exact text is recognised, since any other statement makes it custom code. Line ends may be those of Windows,
    and the last one may be missing.
    """
    return _types_by_code().get(_normalized(code))


@functools.cache
def _types_by_code() -> Mapping[str, str]:
    return {_normalized(exported_code(path)): type_name for type_name, path in reference_classes().items()}


def _normalized(code: str) -> str:
    return code.replace("\r\n", "\n").removesuffix("\n")
