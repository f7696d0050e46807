"""The input classes: each describes one field of a component and writes its own node JSON."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class RangeSpec(BaseModel):
    """The numbers that a field takes: from `min` to `max` in steps of `step`."""

    step_type: Literal["int", "float"] = "float"
    min: float = -1.0
    max: float = 1.0
    step: float = 0.1


class Input(BaseModel):
    """What every field has. A subclass adds what its kind of field has beside it.

    The JSON of a field is its attributes under their wire names; those that are None stay out.
    """

    model_config = ConfigDict(populate_by_name=True, arbitrary_types_allowed=True)

    field_type: str = Field(default="str", serialization_alias="type")
    name: str
    value: Any = ""
    display_name: str | None = None
    info: str = ""
    required: bool = False
    placeholder: str = ""
    show: bool = True
    advanced: bool = False
    dynamic: bool = False
    title_case: bool = False
    override_skip: bool = False
    track_in_telemetry: bool = False
    input_types: list[str] | None = None
    helper_text: str | None = None
    real_time_refresh: bool | None = None
    refresh_button: bool | None = None
    refresh_button_text: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the field as it stands in a node's template."""
        body = self.model_dump(by_alias=True, exclude_none=True, mode="json")
        return {**body, "_input_type": type(self).__name__, "display_name": self.display_name or self.name}

    def to_dict(self) -> dict[str, Any]:
        """Return `to_json`, under the name by which component code calls it."""
        return self.to_json()


class ListableInput(Input):
    """A field that may take several values: `is_list`."""

    is_list: bool = Field(default=False, alias="list")
    list_add_label: str = "Add More"


class HandleInput(ListableInput):
    """A field that only an edge can fill."""

    field_type: str = Field(default="other", serialization_alias="type")
    input_types: list[str] | None = Field(default_factory=list)
    trace_as_metadata: bool = True


class DataInput(HandleInput):
    """A port for `Data`."""

    input_types: list[str] | None = Field(default_factory=lambda: ["Data"])
    tool_mode: bool = False
    trace_as_input: bool = True


class DataFrameInput(HandleInput):
    """A port for `DataFrame`."""

    input_types: list[str] | None = Field(default_factory=lambda: ["DataFrame"])
    tool_mode: bool = False
    trace_as_input: bool = True


class StrInput(ListableInput):
    """A line of text, or the name of a variable where `load_from_db` is set."""

    load_from_db: bool = False
    tool_mode: bool = False
    trace_as_metadata: bool = True


class MessageInput(StrInput):
    """A text that an edge can bring as a `Message`, and that stays one."""

    input_types: list[str] | None = Field(default_factory=lambda: ["Message"])
    trace_as_input: bool = True


class MessageTextInput(StrInput):
    """A text that an edge can bring as a `Message`, of which the component sees the text."""

    input_types: list[str] | None = Field(default_factory=lambda: ["Message"])
    trace_as_input: bool = True


class MultilineInput(MessageTextInput):
    """A text of several lines."""

    multiline: bool = True
    copy_field: bool = False
    ai_enabled: bool = False


class QueryInput(MessageTextInput):
    """A search query."""

    field_type: str = Field(default="query", serialization_alias="type")
    separator: str | None = None


class SecretStrInput(Input):
    """A secret. Its value is the name of a variable unless `load_from_db` is off."""

    input_types: list[str] | None = Field(default_factory=list)
    load_from_db: bool = True
    password: bool = True


class MultilineSecretInput(MessageTextInput):
    """A secret of several lines."""

    multiline: bool = True
    password: bool = True


class CodeInput(ListableInput):
    """Source code as data; nothing runs it by itself."""

    field_type: str = Field(default="code", serialization_alias="type")
    tool_mode: bool = False
    trace_as_input: bool = True


class PromptInput(ListableInput):
    """A template whose `{names}` become fields of their own."""

    field_type: str = Field(default="prompt", serialization_alias="type")
    tool_mode: bool = False
    trace_as_input: bool = True


class DefaultPromptField(Input):
    """The field that a `{name}` of a prompt's template becomes."""

    field_type: str = Field(default="str", serialization_alias="type")
    input_types: list[str] | None = Field(default_factory=lambda: ["Message"])
    is_list: bool = Field(default=False, alias="list")
    multiline: bool = True
    load_from_db: bool = False
    file_types: list[str] = Field(default_factory=list, alias="fileTypes")
    file_path: str = ""
    password: bool | None = None
    options: list[str] | None = None


class BoolInput(ListableInput):
    """Yes or no."""

    field_type: str = Field(default="bool", serialization_alias="type")
    value: bool = False
    tool_mode: bool = False
    trace_as_metadata: bool = True
    track_in_telemetry: bool = True


class IntInput(ListableInput):
    """A whole number."""

    field_type: str = Field(default="int", serialization_alias="type")
    range_spec: RangeSpec | None = None
    tool_mode: bool = False
    trace_as_metadata: bool = True
    track_in_telemetry: bool = True


class FloatInput(ListableInput):
    """A number."""

    field_type: str = Field(default="float", serialization_alias="type")
    range_spec: RangeSpec | None = None
    tool_mode: bool = False
    trace_as_metadata: bool = True
    track_in_telemetry: bool = True


class SliderInput(Input):
    """A number that is chosen by sliding."""

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


class DictInput(ListableInput):
    """Names with values."""

    field_type: str = Field(default="dict", serialization_alias="type")
    value: Any = Field(default_factory=dict)
    tool_mode: bool = False
    trace_as_input: bool = True


class NestedDictInput(ListableInput):
    """A JSON object."""

    field_type: str = Field(default="NestedDict", serialization_alias="type")
    value: Any = Field(default_factory=dict)
    tool_mode: bool = False
    trace_as_input: bool = True
    trace_as_metadata: bool = True


class DropdownInput(Input):
    """One of `options`; any text where `combobox` is set."""

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
    """Any of `options`."""

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
    """One of up to three `options`, shown side by side."""

    field_type: str = Field(default="tab", serialization_alias="type")
    options: list[str] = Field(default_factory=list, max_length=3)
    tool_mode: bool = False
    trace_as_metadata: bool = True
    track_in_telemetry: bool = True


class SortableListInput(Input):
    """A choice of `options` that keeps its order."""

    field_type: str = Field(default="sortableList", serialization_alias="type")
    options: list[dict[str, Any]] = Field(default_factory=list)
    helper_text_metadata: dict[str, Any] | None = None
    search_category: list[str] = Field(default_factory=list)
    limit: int | None = None
    tool_mode: bool = False
    trace_as_metadata: bool = True


class TableInput(Input):
    """Rows under `table_schema`."""

    field_type: str = Field(default="table", serialization_alias="type")
    is_list: bool = True
    list_add_label: str = "Add More"
    table_schema: dict[str, Any] | list[Any] | None = None
    table_options: dict[str, Any] | None = None
    table_icon: str = "Table"
    trigger_icon: str = "Table"
    trigger_text: str = "Open table"
    tool_mode: bool = False
    trace_as_metadata: bool = True


class FileInput(ListableInput):
    """Files that were uploaded; `file_path` names them."""

    field_type: str = Field(default="file", serialization_alias="type")
    file_types: list[str] = Field(default_factory=list, alias="fileTypes")
    file_path: list[str] | str | None = ""
    temp_file: bool = False
    tool_mode: bool = False
    trace_as_metadata: bool = True


class McpInput(Input):
    """A server of tools."""

    field_type: str = Field(default="mcp", serialization_alias="type")
    value: Any = Field(default_factory=dict)
    trace_as_metadata: bool = True
