"""The types of the tables that map fields and outputs of other Langflow versions, and functions to write the tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

#: Turns the value of an old field into values of present fields, by name.
Convert = Callable[[Any], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class FieldMapping:
    """The present fields that correspond to a field of another version."""

    #: Present fields with the same meaning. An edge into the old field feeds each of them.
    targets: tuple[str, ...] = ()
    #: Converts a value; without it the value goes to all `targets` as it is.
    convert: Convert | None = None
    #: The alternative to a field that has an effect but no `targets`.
    replacement: str | None = None

    def values(self, value: Any) -> dict[str, Any]:
        """Return the values of present fields that a value of the old field stands for."""
        if self.convert is not None:
            return dict(self.convert(value))
        return dict.fromkeys(self.targets, value)


@dataclass(frozen=True, slots=True)
class OutputMapping:
    """The present outputs that correspond to an output of another version."""

    #: Present outputs with the same content, the closest first. Their types may differ from the old output's.
    targets: tuple[str, ...] = ()
    #: The alternative to an output without `targets`.
    replacement: str | None = None


@dataclass(frozen=True, slots=True)
class OtherNames:
    """The names that other versions of one component type had."""

    fields: Mapping[str, FieldMapping] = field(default_factory=dict)
    outputs: Mapping[str, OutputMapping] = field(default_factory=dict)


#: A field without effect on results: appearance, editor dialogs, or a default that the service applies anyway.
IGNORED = FieldMapping()
#: The output of every component in tool mode.
TOOLSET = "component_as_tool"


def renamed(*targets: str) -> FieldMapping:
    """Return the mapping of a field whose value present fields take as it is."""
    return FieldMapping(targets)


def converted(convert: Convert, *targets: str) -> FieldMapping:
    """Return the mapping of a field whose value is converted, and whose edges feed `targets`."""
    return FieldMapping(targets, convert)


def ported(target: str) -> FieldMapping:
    """Return the mapping of a field whose edges feed `target`, and whose typed-in value has no equivalent."""
    return FieldMapping((target,), lambda _: {})


def dropped(replacement: str) -> FieldMapping:
    """Return the mapping of a field without an equivalent.

    Args:
        replacement: the alternative; completes the sentence "Use …".

    """
    return FieldMapping(replacement=replacement)


def moved(*targets: str) -> OutputMapping:
    """Return the mapping of an output whose content present outputs give."""
    return OutputMapping(targets)


def removed(replacement: str) -> OutputMapping:
    """Return the mapping of an output without an equivalent.

    Args:
        replacement: the alternative; completes the sentence "Use …".

    """
    return OutputMapping(replacement=replacement)


def ignored(*names: str) -> dict[str, FieldMapping]:
    """Return the mappings of fields without effect on results."""
    return dict.fromkeys(names, IGNORED)


def fields(*parts: Mapping[str, FieldMapping]) -> OtherNames:
    """Return the other names of a component type that differ in its fields alone."""
    return OtherNames(fields={name: mapping for part in parts for name, mapping in part.items()})


def united(*outputs: str) -> OtherNames:
    """Return the other names of a component type whose outputs were united in `dataframe`."""
    return OtherNames(outputs=dict.fromkeys(outputs, moved("dataframe")))


def alike(types: Iterable[str], names: OtherNames) -> dict[str, OtherNames]:
    """Return the same other names for several component types."""
    return dict.fromkeys(types, names)
