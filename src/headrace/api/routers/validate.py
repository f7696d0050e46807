"""Routes that check code and prompt templates without running them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from headrace.api.dependencies import CurrentUser, ServicesDep
from headrace.api.http.request_body import StrictJSONRoute
from headrace.api.schemas.bounds import BoundedList, JsonObject, ShortList
from headrace.component.prompt_fields import sync_placeholder_fields

router = APIRouter(prefix="/api/v1/validate", tags=["Validation"], route_class=StrictJSONRoute)


class Code(BaseModel):
    """Python source to check."""

    code: Annotated[str, Field(max_length=500_000)]


class Problems(BaseModel):
    """Error messages; an empty list means that the check passed."""

    errors: list[str]


class CodeChecked(BaseModel):
    """The imports that cannot be resolved, and the syntax errors."""

    imports: Problems
    function: Problems


class FrontendNode(BaseModel):
    """A node of the editor."""

    model_config = ConfigDict(extra="allow")

    template: JsonObject
    description: str | None = None
    icon: str | None = None
    is_input: bool | None = None
    is_output: bool | None = None
    is_composition: bool | None = None
    base_classes: ShortList[str]
    name: str = ""
    display_name: str | None = ""
    priority: int | None = None
    documentation: str = ""
    minimized: bool = False
    custom_fields: JsonObject | None = {}
    output_types: ShortList[str] = []
    full_path: str | None = None
    pinned: bool = False
    conditional_paths: ShortList[str] = []
    frozen: bool = False
    outputs: ShortList[JsonObject] = []
    field_order: BoundedList[str] = []
    beta: bool = False
    legacy: bool = False
    replacement: ShortList[str] | None = None
    error: str | None = None
    edited: bool = False
    metadata: JsonObject = {}
    tool_mode: bool = False


class Prompt(BaseModel):
    """A prompt template to check, and its node."""

    name: Annotated[str, Field(description="The name of the node's field that contains the template.")]
    template: Annotated[str, Field(max_length=500_000)]
    custom_fields: JsonObject | None = None
    frontend_node: FrontendNode | None = None


class PromptChecked(BaseModel):
    """The template's placeholders, and the node with a field for each of them."""

    input_variables: list[str]
    frontend_node: FrontendNode | None = None


@router.post("/code", responses={429: {"description": "Too many sources of the caller are being parsed"}})
async def validate_code(body: Code, caller: CurrentUser, server: ServicesDep) -> CodeChecked:
    """Parse code and resolve its imports without running or importing anything."""
    checked = await server.component_nodes.check_source(caller, body.code)
    return CodeChecked(imports=Problems(errors=checked.imports), function=Problems(errors=checked.syntax))


@router.post("/prompt", responses={400: {"description": "The template is not valid"}})
async def validate_prompt(body: Prompt, _caller: CurrentUser) -> PromptChecked:
    """Return a template's placeholders and the node with a field for each; fields of former placeholders are removed."""
    node = body.frontend_node
    custom = (node.custom_fields if node else None) or body.custom_fields or {}
    stored = custom.get(body.name)
    previous = [n for n in stored if isinstance(n, str)] if isinstance(stored, list) else []
    fields, names = sync_placeholder_fields(node.template if node else {}, body.template, previous)
    if node is None:
        return PromptChecked(input_variables=names)
    changed = {"template": fields, "custom_fields": {**custom, body.name: names}}
    return PromptChecked(input_variables=names, frontend_node=node.model_copy(update=changed))
