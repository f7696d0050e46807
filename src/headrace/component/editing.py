"""What a component may ask while its node is edited."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from headrace.component.context import Egress


@dataclass(frozen=True, slots=True)
class Port:
    """A field or an output of a vertex in another flow."""

    vertex_id: str
    vertex_name: str
    name: str
    types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FlowPorts:
    """What can be put into another flow, and what it gives."""

    flow_id: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]


class Editing(Protocol):
    """The editor's user, as a component sees them."""

    @property
    def egress(self) -> Egress:
        """The guarded way to the network."""
        ...

    async def flow_names(self) -> list[str]:
        """Return the names of the user's flows, in their order."""
        ...

    async def flow_ports(self, name: str) -> FlowPorts | None:
        """Return the ports of the user's flow of this name, or None where there is no such flow."""
        ...
