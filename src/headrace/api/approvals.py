"""Approvals: which code of people runs on this server. Superusers see them and take them back."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel

from headrace.api.errors import NotFoundError
from headrace.api.state import Server, Superuser
from headrace.store import approvals

router = APIRouter(
    prefix="/api/v1/approvals",
    tags=["Components"],
    responses={403: {"description": "The caller is no superuser"}},
)

Digest = Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="The SHA-256 of the code, in hex.")]


class Approval(BaseModel):
    """A code that may run, and who approved it."""

    digest: str
    name: str
    #: None once that user is gone.
    username: str | None
    approved_at: datetime


@router.get("")
async def list_approvals(_caller: Superuser, server: Server) -> list[Approval]:
    """List what is approved, newest first."""
    async with server.store.reading() as connection:
        return [Approval.model_validate(dict(row)) for row in await approvals.listed(connection)]


@router.delete("/{digest}", status_code=204, responses={404: {"description": "It is not approved"}})
async def revoke_approval(digest: Digest, _caller: Superuser, server: Server) -> None:
    """Take an approval back: no run that begins from now on uses the code."""
    removed = await server.store.write(lambda c: approvals.remove(c, digest))
    server.code.forget(digest)
    if not removed:
        raise NotFoundError("No code with this digest is approved.")
