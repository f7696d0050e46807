"""The base classes of all inputs."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class RangeSpec(BaseModel):
    """The range of numbers that a field accepts: from `min` to `max` in steps of `step`."""

    step_type: Literal["int", "float"] = "float"
    min: float = -1.0
    max: float = 1.0
    step: float = 0.1


class Input(BaseModel):
    """The base class of all inputs: the attributes that every field has.

    The JSON of a field is its attributes under their wire names, without those that are None.
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
        """Return the field's JSON in a node's template."""
        body = self.model_dump(by_alias=True, exclude_none=True, mode="json")
        return {**body, "_input_type": type(self).__name__, "display_name": self.display_name or self.name}

    def to_dict(self) -> dict[str, Any]:
        """Return `to_json()`. Component code of Langflow uses this name."""
        return self.to_json()


class ListableInput(Input):
    """A field that can hold a list of values: `is_list`."""

    is_list: bool = Field(default=False, alias="list")
    list_add_label: str = "Add More"
