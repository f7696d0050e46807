"""Flows on the wire."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, field_serializer

from headrace.errors import HeadraceError


class AccessType(StrEnum):
    """Who may run a flow: its owner, or whoever has its link."""

    PRIVATE = "PRIVATE"
    PUBLIC = "PUBLIC"


def _endpoint_name(value: str | None) -> str | None:
    if value and not re.fullmatch(r"[A-Za-z0-9_-]+", value):
        raise EndpointNameError
    return value or None


class EndpointNameError(HeadraceError):
    """An endpoint name has letters that no path may have."""

    def __init__(self) -> None:
        super().__init__("Endpoint name must contain only letters, numbers, hyphens, and underscores")


def _drawing(value: dict[str, Any] | None) -> dict[str, Any] | None:
    if value:
        for part in ("edges", "nodes") if "edges" not in value else ("nodes", "edges"):
            if part not in value:
                raise ValueError(f"Flow must have {part}")
            if not isinstance(value[part], list):
                raise ValueError(f"Flow {part} must be a list")  # noqa: TRY004 - pydantic reports only these
    return value


def _colour(value: str | None) -> str | None:
    if value is None:
        return None
    if not value.startswith("#"):
        raise ValueError("Icon background color must start with #")
    if not re.fullmatch(r"#[0-9A-Fa-f]{6}", value):
        raise ValueError("Icon background color must be # and six hexadecimal digits")
    return value


Name = Annotated[str, Field(min_length=1, max_length=1024)]
EndpointName = Annotated[str | None, Field(max_length=1024), AfterValidator(_endpoint_name)]
Drawing = Annotated[dict[str, Any] | None, AfterValidator(_drawing)]
Colour = Annotated[str | None, AfterValidator(_colour)]


class FlowCreate(BaseModel):
    """A flow to keep."""

    name: Name
    description: str | None = None
    icon: str | None = Field(default=None, max_length=1024)
    icon_bg_color: Colour = None
    gradient: str | None = Field(default=None, max_length=1024)
    data: Drawing = None
    is_component: bool | None = False
    webhook: bool | None = False
    endpoint_name: EndpointName = None
    tags: list[str] | None = None
    locked: bool | None = False
    mcp_enabled: bool | None = False
    action_name: str | None = Field(default=None, max_length=1024)
    action_description: str | None = None
    access_type: AccessType = AccessType.PRIVATE
    folder_id: UUID | None = None
    fs_path: None = Field(default=None, description="Not kept: a flow never names a path on the server.")


class FlowUpdate(BaseModel):
    """What changes of a flow. What isn't sent stays as it is."""

    name: Name | None = None
    description: str | None = None
    icon: str | None = Field(default=None, max_length=1024)
    icon_bg_color: Colour = None
    gradient: str | None = Field(default=None, max_length=1024)
    data: Drawing = None
    endpoint_name: EndpointName = None
    tags: list[str] | None = None
    locked: bool | None = None
    mcp_enabled: bool | None = None
    action_name: str | None = Field(default=None, max_length=1024)
    action_description: str | None = None
    access_type: AccessType | None = None
    folder_id: UUID | None = None
    updated_at: AwareDatetime | None = Field(
        default=None, description="That of the flow that was read; where the flow has changed since, the answer is 409."
    )


class FlowList(BaseModel):
    """Flows to keep."""

    flows: Annotated[list[FlowCreate], Field(max_length=1000)]


class FlowRead(BaseModel):
    """A flow that is kept."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    user_id: UUID | None
    folder_id: UUID | None
    name: str
    description: str | None
    icon: str | None
    icon_bg_color: str | None
    gradient: str | None
    data: dict[str, Any] | None
    is_component: bool
    updated_at: datetime
    webhook: bool
    endpoint_name: str | None
    tags: list[str] | None
    locked: bool
    mcp_enabled: bool
    action_name: str | None
    action_description: str | None
    access_type: AccessType
    #: After it was kept: the nodes that will not run, since their code is not approved.
    not_running: list[str] | None = None

    @field_serializer("updated_at")
    def _to_the_second(self, value: datetime) -> str:
        return value.replace(microsecond=0).isoformat()


class FlowHeader(BaseModel):
    """A flow in a list, without its drawing, except a component's."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    folder_id: UUID | None
    is_component: bool
    endpoint_name: str | None
    description: str | None
    data: dict[str, Any] | None
    access_type: AccessType
    tags: list[str] | None
    mcp_enabled: bool
    action_name: str | None
    action_description: str | None


class FlowPage(BaseModel):
    """A page of flows."""

    items: list[FlowRead]
    total: int
    page: int
    size: int
    pages: int

    @classmethod
    def of(cls, rows: Iterable[Any], *, total: int, page: int, size: int) -> Self:
        """Return a page of stored flows."""
        items = [FlowRead.model_validate(dict(row)) for row in rows]
        return cls(items=items, total=total, page=page, size=size, pages=-(-total // size))


class StarterRead(BaseModel):
    """A starter flow as a drawing."""

    name: str
    description: str
    data: dict[str, Any]
    is_component: bool = False
    endpoint_name: str | None = None


class DeletedMany(BaseModel):
    """How many there were."""

    deleted: int


def columns_of(body: FlowCreate | FlowUpdate, *, only_sent: bool) -> dict[str, Any]:
    """Return the columns that a body sets."""
    values = body.model_dump(exclude_unset=only_sent, exclude={"fs_path", "updated_at"})
    for flag in ("is_component", "webhook", "locked", "mcp_enabled"):
        if flag in values:
            values[flag] = bool(values[flag])
    if values.get("access_type") is not None:
        values["access_type"] = AccessType(values["access_type"]).value
    never_null = {"name", "access_type"}
    return {k: v for k, v in values.items() if not (k in never_null and v is None)}
