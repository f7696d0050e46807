"""`FolderComponent`: a component of a file, loaded and checked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headrace.component.component import Component


@dataclass(frozen=True, slots=True)
class FolderComponent:
    """A component of an operator's folder, with its node JSON, which is known to be complete."""

    path: Path
    category: str
    component: type[Component]
    node: dict[str, Any]
