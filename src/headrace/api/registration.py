"""Who registered this server. The address stays here: nothing is sent anywhere."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from headrace.api.json_body import StrictRoute
from headrace.api.state import Server, Superuser
from headrace.store import registrations

router = APIRouter(prefix="/api/v2/registration", tags=["Registration"], route_class=StrictRoute)

Email = Annotated[
    str, Field(max_length=320, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$", json_schema_extra={"format": "email"})
]


class Register(BaseModel):
    """An address to register under."""

    email: Email


class Registered(BaseModel):
    """The address that the server is registered under."""

    email: str


class Registration(Registered):
    """The address, and since when."""

    registered_at: datetime


class Nobody(BaseModel):
    """Nobody has registered."""

    message: str = "No user registered"


@router.get("/")
async def read_registration(_caller: Superuser, server: Server) -> Registration | Nobody:
    """Return who registered this server."""
    async with server.store.reading() as connection:
        row = await registrations.current(connection)
    return Nobody() if row is None else Registration(email=row["email"], registered_at=row["registered_at"])


@router.post("/")
async def register(body: Register, _caller: Superuser, server: Server) -> Registered:
    """Register this server, in place of the address before."""
    await server.store.write(lambda connection: registrations.register(connection, body.email))
    return Registered(email=body.email)
