"""Inputs that edges set."""

from __future__ import annotations

from pydantic import Field

from headrace.component.inputs.field import ListableInput


class HandleInput(ListableInput):
    """A field that only an edge can set."""

    field_type: str = Field(default="other", serialization_alias="type")
    input_types: list[str] | None = Field(default_factory=list)
    trace_as_metadata: bool = True


class DataInput(HandleInput):
    """A field that an edge sets to `Data`."""

    input_types: list[str] | None = Field(default_factory=lambda: ["Data"])
    tool_mode: bool = False
    trace_as_input: bool = True


class DataFrameInput(HandleInput):
    """A field that an edge sets to a `DataFrame`."""

    input_types: list[str] | None = Field(default_factory=lambda: ["DataFrame"])
    tool_mode: bool = False
    trace_as_input: bool = True
