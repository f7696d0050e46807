"""What was said in the caller's sessions."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import orjson
from fastapi import APIRouter, Query
from pydantic import BaseModel, field_serializer

from headrace.api.state import CallerNow, Server
from headrace.schema.message import TIMESTAMP_FORMAT
from headrace.store import messages

router = APIRouter(prefix="/api/v1/monitor", tags=["Monitor"])


class MessageRead(BaseModel):
    """A stored message. `files` is a JSON text, as Langflow has it."""

    id: UUID
    flow_id: UUID | None
    timestamp: datetime
    sender: str | None
    sender_name: str | None
    session_id: str
    context_id: str
    text: str
    files: str
    edit: bool
    duration: int | None
    properties: dict[str, Any]
    category: str
    content_blocks: list[dict[str, Any]]

    @field_serializer("timestamp")
    def _as_text(self, value: datetime) -> str:
        return value.strftime(TIMESTAMP_FORMAT)


@router.get("/messages")
async def list_messages(
    caller: CallerNow,
    server: Server,
    flow_id: UUID | None = None,
    session_id: str | None = None,
    sender: str | None = None,
    sender_name: str | None = None,
    order: Literal["ASC", "DESC"] = "ASC",
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
) -> list[MessageRead]:
    """List the caller's newest messages that match, oldest first or newest first."""
    async with server.store.reading() as connection:
        rows = await messages.listed(
            connection,
            caller.id,
            flow_id=flow_id,
            session_id=session_id,
            sender=sender,
            sender_name=sender_name,
            limit=limit,
        )
    found = [MessageRead.model_validate({**r, "files": orjson.dumps(r["files"]).decode()}) for r in rows]
    return found if order == "ASC" else found[::-1]
