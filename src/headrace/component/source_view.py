"""The view of a connected component that a component gets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from headrace.component.component_run import attribute_of, run_of

if TYPE_CHECKING:
    from headrace.component.component import Component


@dataclass(frozen=True, slots=True)
class SourceView:
    """The origin of a value, as a message shows it."""

    id: str
    display_name: str
    source_name: str
    icon: str

    @classmethod
    def of(cls, component: Component | SourceView) -> SourceView:
        """Return the view of a component."""
        if isinstance(component, SourceView):
            return component
        kind = type(component)
        source_name = str(attribute_of(component, "source_name"))
        return cls(run_of(component).vertex_id, kind.display_name, source_name, kind.icon)
