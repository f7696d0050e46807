"""Request and response bodies for projects."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, field_validator

from headrace.api.schemas.bounds import JsonObject
from headrace.api.schemas.flow import MAX_LIST_LENGTH, FlowPage, FlowRead
from headrace.services.project_auth import visible_auth

ProjectName = Annotated[str, Field(min_length=1, max_length=255)]
FlowIdList = Annotated[list[UUID], Field(max_length=MAX_LIST_LENGTH, fail_fast=True)]


class ProjectCreate(BaseModel):
    """A project to create, and the flows and components to move into it."""

    name: ProjectName
    description: str | None = None
    auth_settings: JsonObject | None = None
    flows_list: FlowIdList | None = None
    components_list: FlowIdList | None = None

    @property
    def flow_ids(self) -> list[UUID]:
        """The ids of all flows and components to move."""
        return [*(self.flows_list or []), *(self.components_list or [])]


class ProjectUpdate(BaseModel):
    """A change of a project. Omitted fields stay the same; `flows` and `components` replace the project's content."""

    name: ProjectName | None = None
    description: str | None = None
    parent_id: UUID | None = None
    auth_settings: JsonObject | None = None
    flows: FlowIdList | None = None
    components: FlowIdList | None = None

    @property
    def flow_ids(self) -> list[UUID] | None:
        """The ids of the project's new content; None if the body leaves it unchanged."""
        if self.flows is None and self.components is None:
            return None
        return [*(self.flows or []), *(self.components or [])]

    def to_columns(self) -> dict[str, Any]:
        """Return the columns that the body sets. A null name leaves the name unchanged."""
        values = self.model_dump(exclude_unset=True, exclude={"flows", "components"})
        return {k: v for k, v in values.items() if not (k == "name" and v is None)}


class ProjectRead(BaseModel):
    """A project."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    description: str | None
    parent_id: UUID | None
    auth_settings: dict[str, Any] | None

    @field_validator("auth_settings")
    @classmethod
    def _hide_secrets(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        if not value:
            return value
        return {k: v for k, v in visible_auth(value).items() if v is not None}


class ProjectWithFlows(ProjectRead):
    """A project and all of its flows."""

    flows: list[FlowRead]


class ProjectPage(BaseModel):
    """A project and a page of its flows."""

    folder: ProjectRead
    flows: FlowPage
