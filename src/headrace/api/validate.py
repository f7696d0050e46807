"""Checks of code and prompts. Nothing that is checked is run."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from headrace.api.json_body import StrictRoute
from headrace.api.state import CallerNow
from headrace.compat.imports import problem_with
from headrace.component.source import check_source
from headrace.component.template import with_gaps

router = APIRouter(prefix="/api/v1/validate", tags=["Validation"], route_class=StrictRoute)


class Code(BaseModel):
    """Source to check."""

    code: Annotated[str, Field(max_length=500_000)]


class Problems(BaseModel):
    """What is wrong; nothing where the list is empty."""

    errors: list[str]


class CodeChecked(BaseModel):
    """Which imports cannot be found, and where the source is no Python."""

    imports: Problems
    function: Problems


class FrontendNode(BaseModel):
    """A node as an editor holds it."""

    model_config = ConfigDict(extra="allow")

    template: dict[str, Any]
    description: str | None = None
    icon: str | None = None
    is_input: bool | None = None
    is_output: bool | None = None
    is_composition: bool | None = None
    base_classes: list[str]
    name: str = ""
    display_name: str | None = ""
    priority: int | None = None
    documentation: str = ""
    minimized: bool = False
    custom_fields: dict[str, Any] | None = {}
    output_types: list[str] = []
    full_path: str | None = None
    pinned: bool = False
    conditional_paths: list[str] = []
    frozen: bool = False
    outputs: list[dict[str, Any]] = []
    field_order: list[str] = []
    beta: bool = False
    legacy: bool = False
    replacement: list[str] | None = None
    error: str | None = None
    edited: bool = False
    metadata: dict[str, Any] = {}
    tool_mode: bool = False


class Prompt(BaseModel):
    """A template to check, and the node that it stands in."""

    name: Annotated[str, Field(description="The field of the node that holds the template.")]
    template: Annotated[str, Field(max_length=500_000)]
    custom_fields: dict[str, Any] | None = None
    frontend_node: FrontendNode | None = None


class PromptChecked(BaseModel):
    """The template's names, and the node with a field for each."""

    input_variables: list[str]
    frontend_node: FrontendNode | None = None


@router.post("/code")
async def validate_code(body: Code, _caller: CallerNow) -> CodeChecked:
    """Parse code and look for what it imports, without running or importing any of it."""
    checked = await asyncio.to_thread(check_source, body.code, problem_with)
    return CodeChecked(imports=Problems(errors=checked.imports), function=Problems(errors=checked.syntax))


@router.post("/prompt", responses={400: {"description": "The template cannot be read"}})
async def validate_prompt(body: Prompt, _caller: CallerNow) -> PromptChecked:
    """Return the names in a template, and the node with a field for each; fields of names that are gone go too."""
    node = body.frontend_node
    custom = (node.custom_fields if node else None) or body.custom_fields or {}
    held = custom.get(body.name)
    before = [n for n in held if isinstance(n, str)] if isinstance(held, list) else []
    fields, names = with_gaps(node.template if node else {}, body.template, before)
    if node is None:
        return PromptChecked(input_variables=names)
    changed = {"template": fields, "custom_fields": {**custom, body.name: names}}
    return PromptChecked(input_variables=names, frontend_node=node.model_copy(update=changed))
