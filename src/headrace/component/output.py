"""`Output`: an output port of a component, whose value one of its methods computes."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class Output(BaseModel):
    """An output port. If `types` is empty, the types come from the method's return annotation."""

    model_config = ConfigDict(frozen=False)

    name: str
    display_name: str | None = None
    method: str
    types: list[str] = []
    selected: str | None = None
    cache: bool = True
    allows_loop: bool = False
    group_outputs: bool = False
    hidden: bool | None = None
    required_inputs: list[str] | None = None
    tool_mode: bool = True

    def to_json(self) -> dict[str, Any]:
        """Return the port's JSON in a node's `outputs`."""
        body = self.model_dump(exclude={"hidden", "required_inputs"})
        extra = self.model_dump(include={"hidden", "required_inputs"}, exclude_none=True)
        return {
            **body,
            **extra,
            "display_name": self.display_name or self.name,
            "selected": self.selected or (self.types[0] if self.types else None),
            "value": "__UNDEFINED__",
        }

    def to_dict(self) -> dict[str, Any]:
        """Return `to_json()`. Component code of Langflow uses this name."""
        return self.to_json()

    def add_types(self, types: list[str]) -> None:
        """Add types to the port, without duplicates."""
        self.types = [*self.types, *(t for t in types if t not in self.types)]
