"""Inputs for a choice of options."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from headrace.component.inputs.field import Input, ListableInput


class DropdownInput(Input):
    """One of `options`, or any text if `combobox` is set."""

    options: list[str] = Field(default_factory=list)
    options_metadata: list[dict[str, Any]] = Field(default_factory=list)
    combobox: bool = False
    dialog_inputs: dict[str, Any] = Field(default_factory=dict)
    external_options: dict[str, Any] = Field(default_factory=dict)
    toggle: bool = False
    toggle_value: bool | None = None
    toggle_disable: bool | None = None
    tool_mode: bool = False
    trace_as_metadata: bool = True
    track_in_telemetry: bool = True


class MultiselectInput(ListableInput):
    """Several of `options`."""

    is_list: bool = Field(default=True, alias="list")
    options: list[str] = Field(default_factory=list)
    options_metadata: list[dict[str, Any]] | None = None
    combobox: bool = False
    dialog_inputs: dict[str, Any] | None = None
    toggle: bool = False
    toggle_value: bool | None = None
    toggle_disable: bool | None = None
    tool_mode: bool = False
    trace_as_metadata: bool = True


class TabInput(Input):
    """One of at most three `options`, shown next to each other."""

    field_type: str = Field(default="tab", serialization_alias="type")
    options: list[str] = Field(default_factory=list, max_length=3)
    tool_mode: bool = False
    trace_as_metadata: bool = True
    track_in_telemetry: bool = True


class SortableListInput(Input):
    """An ordered selection of `options`."""

    field_type: str = Field(default="sortableList", serialization_alias="type")
    options: list[dict[str, Any]] = Field(default_factory=list)
    helper_text_metadata: dict[str, Any] | None = None
    search_category: list[str] = Field(default_factory=list)
    limit: int | None = None
    tool_mode: bool = False
    trace_as_metadata: bool = True
