"""The caller's flows as models."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from headrace.api.dependencies import CurrentUser, ServicesDep
from headrace.db.flows import FlowFilter
from headrace.formats.openai.errors import ModelNotFoundError


class Model(BaseModel):
    """A flow as a model."""

    id: str
    object: str = "model"
    created: int
    owned_by: str = "headrace"


class Models(BaseModel):
    """The caller's flows as models."""

    object: str = "list"
    data: list[Model]


async def list_models(caller: CurrentUser, server: ServicesDep) -> Models:
    """List the caller's flows as models. The id of a model is the flow's endpoint name, or its id if it has none."""
    rows = await server.flows.list_names(caller.id, FlowFilter(is_component=False))
    return Models(data=[_model(row) for row in rows])


async def get_model(model: str, caller: CurrentUser, server: ServicesDep) -> Model:
    """Return a flow as a model, by its endpoint name or id."""
    rows = await server.flows.list_names(caller.id, FlowFilter(is_component=False))
    row = next((row for row in rows if model in {row["endpoint_name"], str(row["id"])}), None)
    if row is None:
        raise ModelNotFoundError(model)
    return _model(row)


def _model(row: Any) -> Model:
    return Model(id=row["endpoint_name"] or str(row["id"]), created=int(row["created_at"].timestamp()))


def register(router: APIRouter) -> None:
    """Add the routes of models to a router."""
    router.get("/models")(list_models)
    router.get("/models/{model}", responses={404: {"description": "The caller has no such flow"}})(get_model)
