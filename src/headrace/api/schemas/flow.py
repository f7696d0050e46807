"""Request and response bodies for flows."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Self
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, field_serializer

from headrace.api.http.json_list import JSONList, json_list_of, json_object
from headrace.api.http.strict_json import with_serializable_depth
from headrace.api.schemas.bounds import JsonObject, ShortList
from headrace.errors import UnprocessableError
from headrace.services.starter_flows import CREATED_AT
from headrace.storage.confined_folder import parse_path

if TYPE_CHECKING:
    from sqlalchemy import RowMapping

    from headrace.custom_code.approval import UnapprovedNode
    from headrace.db.row_batches import RowBatches
    from headrace.services.flows import SavedFlow
    from headrace.services.starter_flows import StarterFlow

#: Flows or ids in one request.
MAX_LIST_LENGTH = 1000


class AccessType(StrEnum):
    """The users who may run a flow: its owner, or everyone who knows its id."""

    PRIVATE = "PRIVATE"
    PUBLIC = "PUBLIC"


def _validate_endpoint_name(value: str | None) -> str | None:
    if value and not re.fullmatch(r"[A-Za-z0-9_-]+", value):
        raise EndpointNameError
    return value or None


class EndpointNameError(UnprocessableError):
    """An endpoint name contains characters that a URL path does not allow."""

    def __init__(self) -> None:
        super().__init__("Endpoint name must contain only letters, numbers, hyphens, and underscores")


def _validate_data(value: dict[str, Any] | None) -> dict[str, Any] | None:
    if value:
        for part in ("edges", "nodes") if "edges" not in value else ("nodes", "edges"):
            if part not in value:
                raise ValueError(f"Flow must have {part}")
            if not isinstance(value[part], list):
                raise ValueError(f"Flow {part} must be a list")  # noqa: TRY004 - pydantic reports only these
    return value


def _validate_path(value: str | None) -> str | None:
    if value is not None:
        parse_path(value)
    return value


def _validate_color(value: str | None) -> str | None:
    if value is None:
        return None
    if not value.startswith("#"):
        raise ValueError("Icon background color must start with #")
    if not re.fullmatch(r"#[0-9A-Fa-f]{6}", value):
        raise ValueError("Icon background color must be # and six hexadecimal digits")
    return value


Name = Annotated[str, Field(min_length=1, max_length=1024)]
EndpointName = Annotated[str | None, Field(max_length=1024), AfterValidator(_validate_endpoint_name)]
FlowData = Annotated[JsonObject | None, AfterValidator(_validate_data)]
#: The data of a stored flow, which may be older than the limits on input.
StoredData = Annotated[dict[str, Any] | None, AfterValidator(with_serializable_depth)]
LinkedPath = Annotated[str | None, AfterValidator(_validate_path)]
HexColor = Annotated[str | None, AfterValidator(_validate_color)]


class FlowCreate(BaseModel):
    """A flow to create."""

    name: Name
    description: str | None = None
    icon: str | None = Field(default=None, max_length=1024)
    icon_bg_color: HexColor = None
    gradient: str | None = Field(default=None, max_length=1024)
    data: FlowData = None
    is_component: bool | None = False
    webhook: bool | None = False
    endpoint_name: EndpointName = None
    tags: ShortList[str] | None = None
    locked: bool | None = False
    mcp_enabled: bool | None = False
    action_name: str | None = Field(default=None, max_length=1024)
    action_description: str | None = None
    access_type: AccessType = AccessType.PRIVATE
    folder_id: UUID | None = None
    fs_path: LinkedPath = Field(
        default=None,
        description="A relative path in the caller's folder of flows, where each saved version is written to a file. "
        "Changes of the file are read back.",
    )


class FlowUpdate(BaseModel):
    """A change of a flow. Omitted fields stay the same."""

    name: Name | None = None
    description: str | None = None
    icon: str | None = Field(default=None, max_length=1024)
    icon_bg_color: HexColor = None
    gradient: str | None = Field(default=None, max_length=1024)
    data: FlowData = None
    endpoint_name: EndpointName = None
    tags: ShortList[str] | None = None
    locked: bool | None = None
    mcp_enabled: bool | None = None
    action_name: str | None = Field(default=None, max_length=1024)
    action_description: str | None = None
    access_type: AccessType | None = None
    folder_id: UUID | None = None
    fs_path: LinkedPath = Field(default=None, description="See `FlowCreate`. Null unlinks the file, which remains.")
    updated_at: AwareDatetime | None = Field(
        default=None,
        description="The `updated_at` of the version that was edited. The response is 409 if the flow has changed since.",
    )


class FlowList(BaseModel):
    """Flows to create."""

    flows: Annotated[list[FlowCreate], Field(max_length=MAX_LIST_LENGTH, fail_fast=True)]


class UnapprovedCode(BaseModel):
    """A node that does not run because its code is not approved."""

    node_id: str
    name: str
    digest: str = Field(description="The SHA-256 of the code, in hexadecimal.")

    @classmethod
    def from_node(cls, node: UnapprovedNode) -> Self:
        """Return the body for a node."""
        return cls(node_id=node.id, name=node.name, digest=node.digest)


class FlowRead(BaseModel):
    """A stored flow."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    user_id: UUID | None
    folder_id: UUID | None
    name: str
    description: str | None
    icon: str | None
    icon_bg_color: str | None
    gradient: str | None
    data: StoredData
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
    fs_path: str | None = None
    fs_error: str | None = Field(
        default=None,
        description="In a response with one flow: why the file at `fs_path` cannot be read; null if it can.",
    )
    unapproved_nodes: list[str] | None = Field(
        default=None,
        description="After a write: names of the nodes that do not run because their code is not approved.",
    )
    unapproved_code: list[UnapprovedCode] | None = Field(
        default=None,
        description="After a write: the code of these nodes, which `POST /api/v1/approvals` approves by its digest.",
    )

    @classmethod
    def from_saved(cls, saved: SavedFlow) -> Self:
        """Return the body for a flow that was created or changed."""
        nodes = saved.unapproved_nodes
        names = [f"{node.name} ({node.id})" for node in nodes]
        code = [UnapprovedCode.from_node(node) for node in nodes]
        return cls.model_validate({**saved.row, "unapproved_nodes": names or None, "unapproved_code": code or None})

    @classmethod
    def from_starter(cls, starter: StarterFlow) -> Self:
        """Return the body for a starter flow."""
        return cls(
            **{**starter.columns(), "endpoint_name": None},
            id=starter.id,
            user_id=None,
            folder_id=None,
            gradient=None,
            icon_bg_color=None,
            action_name=None,
            action_description=None,
            updated_at=CREATED_AT,
        )

    @field_serializer("updated_at")
    def _format_to_seconds(self, value: datetime) -> str:
        return value.replace(microsecond=0).isoformat()


class FlowHeader(BaseModel):
    """A flow in a list. `data` is null unless the flow is a component."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    folder_id: UUID | None
    is_component: bool
    endpoint_name: str | None
    description: str | None
    data: StoredData
    access_type: AccessType
    tags: list[str] | None
    mcp_enabled: bool
    action_name: str | None
    action_description: str | None

    @classmethod
    def from_row(cls, row: RowMapping) -> Self:
        """Return the header of a stored flow."""
        return cls.model_validate({**row, "data": row["data"] if row["is_component"] else None})


class FlowPage(BaseModel):
    """A page of flows."""

    items: list[FlowRead]
    total: int
    page: int
    size: int
    pages: int


FLOWS = json_list_of(FlowRead)
FLOW_HEADERS = JSONList(FlowHeader.from_row)


def flow_page_parts(total: int, batches: RowBatches, *, page: int, size: int) -> AsyncIterator[bytes]:
    """Return the parts of the JSON of a `FlowPage`."""
    counts = {"total": total, "page": page, "size": size, "pages": page_count(total, size)}
    fields = {name: str(count).encode() for name, count in counts.items()}
    return json_object({"items": FLOWS.encode(batches), **fields})


class StarterRead(BaseModel):
    """A starter flow with its nodes and edges."""

    name: str
    description: str
    data: dict[str, Any]
    is_component: bool = False
    endpoint_name: str | None = None


class DeletedCount(BaseModel):
    """The number of deleted flows."""

    deleted: int


def page_count(total: int, size: int) -> int:
    """Return the number of pages of `size` items each that `total` items fill."""
    return -(-total // size)


def to_columns(body: FlowCreate | FlowUpdate, *, exclude_unset: bool) -> dict[str, Any]:
    """Return the columns that a body sets."""
    values = body.model_dump(exclude_unset=exclude_unset, exclude={"updated_at"})
    for flag in ("is_component", "webhook", "locked", "mcp_enabled"):
        if flag in values:
            values[flag] = bool(values[flag])
    if values.get("access_type") is not None:
        values["access_type"] = AccessType(values["access_type"]).value
    never_null = {"name", "access_type"}
    return {k: v for k, v in values.items() if not (k in never_null and v is None)}
