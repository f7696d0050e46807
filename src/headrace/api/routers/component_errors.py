"""A route for the errors of the operator's component folders, which superusers read."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field

from headrace.api.dependencies import ServicesDep, Superuser
from headrace.api.http.request_body import StrictJSONRoute

router = APIRouter(
    prefix="/api/v1/components",
    tags=["Components"],
    route_class=StrictJSONRoute,
    responses={403: {"description": "The caller is not a superuser"}},
)


class ComponentErrorBody(BaseModel):
    """An error of a file or folder in `LANGFLOW_COMPONENTS_PATH`."""

    path: str
    line: int | None = Field(description="Null for an error of the file or folder as a whole.")
    message: str
    uses_last_version: bool = Field(description="Whether flows use the last version of the file that could be loaded.")


@router.get("/errors")
async def list_component_errors(_caller: Superuser, server: ServicesDep) -> list[ComponentErrorBody]:
    """List the component files and folders that could not be loaded, as of the last check, which is a second old at most."""
    folders = server.component_folders
    return [
        ComponentErrorBody(
            path=str(problem.path),
            line=problem.line,
            message=problem.message,
            uses_last_version=folders.has_last_version(problem.path),
        )
        for problem in folders.problems
    ]
