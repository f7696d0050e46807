"""Health checks of the server and its database."""

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy import text

from headrace.api.dependencies import ServicesDep
from headrace.runs.errors import ServerStoppingError

router = APIRouter(tags=["Health"])


class Health(BaseModel):
    """The server responds."""

    status: Literal["ok"] = "ok"


class HealthCheck(BaseModel):
    """The server and its database respond."""

    status: Literal["ok"] = "ok"
    chat: Literal["ok"] = "ok"
    db: Literal["ok"] = "ok"


@router.get("/health")
async def health(server: ServicesDep) -> Health:
    """Return immediately without access to the database, for load balancers: 503 if the server is being stopped."""
    if server.runner.is_stopping:
        raise ServerStoppingError
    return Health()


@router.get("/health_check")
async def health_check(server: ServicesDep) -> HealthCheck:
    """Check the server and its database."""
    async with server.database.connect() as connection:
        await connection.execute(text("SELECT 1"))
    return HealthCheck()
