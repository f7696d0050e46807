"""Whether the server is there, and its database answers."""

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy import text

from headrace.api.state import Server

router = APIRouter(tags=["Health"])


class Health(BaseModel):
    """The server is there."""

    status: Literal["ok"] = "ok"


class HealthCheck(BaseModel):
    """The server and its database answer."""

    status: Literal["ok"] = "ok"
    chat: Literal["ok"] = "ok"
    db: Literal["ok"] = "ok"


@router.get("/health")
async def health() -> Health:
    """Answer at once; for load balancers."""
    return Health()


@router.get("/health_check")
async def health_check(server: Server) -> HealthCheck:
    """Ask the database too."""
    async with server.store.reading() as connection:
        await connection.execute(text("SELECT 1"))
    return HealthCheck()
