"""Routes for the registration of this server. The email address is stored locally and never sent anywhere."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from headrace.api.dependencies import ServicesDep, Superuser
from headrace.api.http.request_body import StrictJSONRoute

router = APIRouter(prefix="/api/v2/registration", tags=["Registration"], route_class=StrictJSONRoute)

Email = Annotated[
    str, Field(max_length=320, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$", json_schema_extra={"format": "email"})
]


class Register(BaseModel):
    """An email address to register."""

    email: Email


class Registered(BaseModel):
    """The registered email address."""

    email: str


class Registration(Registered):
    """The registered email address, and the time of registration."""

    registered_at: datetime


class NotRegistered(BaseModel):
    """The server is not registered."""

    message: str = "No user registered"


@router.get("/")
async def read_registration(_caller: Superuser, server: ServicesDep) -> Registration | NotRegistered:
    """Return the registration of this server."""
    row = await server.registration.find_registration()
    return NotRegistered() if row is None else Registration(email=row["email"], registered_at=row["registered_at"])


@router.post("/")
async def register(body: Register, _caller: Superuser, server: ServicesDep) -> Registered:
    """Register this server, replacing an earlier registration."""
    await server.registration.register(body.email)
    return Registered(email=body.email)
