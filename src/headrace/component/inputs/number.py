"""Inputs for numbers and Boolean values."""

from __future__ import annotations

from pydantic import Field

from headrace.component.inputs.field import Input, ListableInput, RangeSpec


class BoolInput(ListableInput):
    """A Boolean value."""

    field_type: str = Field(default="bool", serialization_alias="type")
    value: bool = False
    tool_mode: bool = False
    trace_as_metadata: bool = True
    track_in_telemetry: bool = True


class IntInput(ListableInput):
    """An integer."""

    field_type: str = Field(default="int", serialization_alias="type")
    range_spec: RangeSpec | None = None
    tool_mode: bool = False
    trace_as_metadata: bool = True
    track_in_telemetry: bool = True


class FloatInput(ListableInput):
    """A floating-point number."""

    field_type: str = Field(default="float", serialization_alias="type")
    range_spec: RangeSpec | None = None
    tool_mode: bool = False
    trace_as_metadata: bool = True
    track_in_telemetry: bool = True


class SliderInput(Input):
    """A number that the user sets with a slider."""

    field_type: str = Field(default="slider", serialization_alias="type")
    range_spec: RangeSpec | None = None
    min_label: str = ""
    max_label: str = ""
    min_label_icon: str = ""
    max_label_icon: str = ""
    slider_buttons: bool = False
    slider_buttons_options: list[str] = Field(default_factory=list)
    slider_input: bool = False
    tool_mode: bool = False
