"""What was said in the caller's sessions, and what runs left behind."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import orjson
from fastapi import APIRouter, Body, Query
from pydantic import BaseModel, ConfigDict, Field, field_serializer
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.convertors import StringConvertor, register_url_convertor

from headrace.api.errors import NotFoundError
from headrace.api.json_body import StrictRoute
from headrace.api.state import CallerNow, Server
from headrace.schema.message import TIMESTAMP_FORMAT
from headrace.schema.properties import Properties
from headrace.store import messages, monitor
from headrace.store.messages import MessageFilter


class SessionConvertor(StringConvertor):
    """The rest of an address as a session's name: any text, with slashes and line breaks."""

    regex = "(?s:.+)"

    def convert(self, value: str) -> str:
        """Return the name."""
        return value


register_url_convertor("session", SessionConvertor())

router = APIRouter(prefix="/api/v1/monitor", tags=["Monitor"], route_class=StrictRoute)

_MISSING: dict[int | str, dict[str, Any]] = {404: {"description": "The caller has no such message or session"}}

MOST_MESSAGES = 10_000
SessionName = Annotated[str, Field(max_length=1024)]


class _Message(BaseModel):
    id: UUID
    flow_id: UUID | None
    timestamp: datetime
    sender: str | None
    sender_name: str | None
    session_id: str
    context_id: str
    text: str
    edit: bool
    duration: int | None
    properties: dict[str, Any]
    category: str
    content_blocks: list[dict[str, Any]]

    @field_serializer("timestamp")
    def _as_text(self, value: datetime) -> str:
        return value.strftime(TIMESTAMP_FORMAT)


class MessageListed(_Message):
    """A stored message in a list. `files` is a JSON text, as Langflow has it."""

    files: str


class MessageRead(_Message):
    """A stored message."""

    files: list[str]
    error: bool


class MessageUpdate(BaseModel):
    """What changes of a message. What isn't sent stays as it is."""

    text: str | None = None
    sender: Annotated[str, Field(max_length=255)] | None = None
    sender_name: Annotated[str, Field(max_length=255)] | None = None
    session_id: SessionName | None = None
    context_id: SessionName | None = None
    files: list[str] | None = None
    edit: bool | None = None
    error: bool | None = None
    properties: Properties | None = None


class VertexBuildRead(BaseModel):
    """What a vertex gave in one build."""

    model_config = ConfigDict(from_attributes=True)

    build_id: UUID
    id: str
    flow_id: UUID
    timestamp: datetime
    valid: bool
    params: str | None
    data: dict[str, Any] | None
    artifacts: dict[str, Any] | None


class VertexBuilds(BaseModel):
    """Builds by vertex, oldest first."""

    vertex_builds: dict[str, list[VertexBuildRead]]


class TransactionRead(BaseModel):
    """One vertex handing its outputs to another."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    flow_id: UUID
    vertex_id: str
    target_id: str | None
    timestamp: datetime
    status: str
    error: str | None
    inputs: dict[str, Any] | None
    outputs: dict[str, Any] | None


class TransactionPage(BaseModel):
    """A page of transactions, newest first."""

    items: list[TransactionRead]
    total: int
    page: int
    size: int
    pages: int


def _listed(rows: list[RowMapping] | Any) -> list[MessageListed]:
    return [MessageListed.model_validate({**r, "files": orjson.dumps(r["files"]).decode()}) for r in rows]


@router.get("/messages")
async def list_messages(
    caller: CallerNow,
    server: Server,
    flow_id: UUID | None = None,
    session_id: str | None = None,
    sender: str | None = None,
    sender_name: str | None = None,
    order_by: Literal["timestamp", "sender", "sender_name", "session_id", "text"] | None = "timestamp",
    order: Literal["ASC", "DESC"] = "ASC",
    before: Annotated[UUID | None, Query(description="A message's id: only older ones are listed.")] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_MESSAGES)] = 1000,
) -> list[MessageListed]:
    """List the caller's newest messages that match. For the page before, send the oldest message's id as `before`."""
    wanted = MessageFilter(flow_id=flow_id, session_id=session_id, sender=sender, sender_name=sender_name)
    async with server.store.reading() as connection:
        rows = await messages.listed(
            connection, caller.id, wanted, limit=limit, order_by=order_by or "timestamp", before=before
        )
    return _listed(rows if order == "ASC" else rows[::-1])


@router.delete("/messages", status_code=204)
async def delete_messages(
    message_ids: Annotated[list[UUID], Body(max_length=MOST_MESSAGES)], caller: CallerNow, server: Server
) -> None:
    """Delete messages of the caller's; ids that aren't theirs are passed over."""
    await server.store.write(lambda c: messages.remove(c, caller.id, message_ids))


@router.get("/messages/sessions")
async def list_sessions(
    caller: CallerNow,
    server: Server,
    flow_id: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=100_000)] = 10_000,
) -> list[str]:
    """List the names of the caller's sessions, of one flow or of all, by name."""
    async with server.store.reading() as connection:
        return await messages.sessions(connection, caller.id, flow_id, limit=limit)


@router.put("/messages/{message_id}", responses=_MISSING)
async def change_message(message_id: UUID, body: MessageUpdate, caller: CallerNow, server: Server) -> MessageRead:
    """Change what is sent of a message; a new text marks it as edited."""
    values = body.model_dump(exclude_unset=True, exclude_none=True)
    row = await server.store.write(lambda c: messages.change(c, caller.id, message_id, values))
    if row is None:
        raise NotFoundError("Message not found")
    return MessageRead.model_validate(dict(row))


@router.patch("/messages/session/{old_session_id:session}", responses=_MISSING)
async def rename_session(
    old_session_id: str,
    new_session_id: Annotated[str, Query(min_length=1, max_length=1024)],
    caller: CallerNow,
    server: Server,
) -> list[MessageListed]:
    """Give a session another name and return its newest messages."""

    async def rename(connection: AsyncConnection) -> Any:
        if not await messages.rename_session(connection, caller.id, old_session_id, new_session_id):
            return []
        wanted = MessageFilter(session_id=new_session_id)
        return await messages.listed(connection, caller.id, wanted, limit=MOST_MESSAGES)

    rows = await server.store.write(rename)
    if not rows:
        raise NotFoundError("No messages found with the given session ID")
    return _listed(rows)


@router.delete("/messages/session/{session_id:session}", status_code=204)
async def delete_session(session_id: str, caller: CallerNow, server: Server) -> None:
    """Delete a session with its messages."""
    await server.store.write(lambda c: messages.remove_session(c, caller.id, session_id))


@router.get("/builds")
async def list_builds(flow_id: UUID, caller: CallerNow, server: Server) -> VertexBuilds:
    """Return what the vertices of a flow gave in its newest builds."""
    found: dict[str, list[VertexBuildRead]] = {}
    async with server.store.reading() as connection:
        for row in await monitor.builds(connection, caller.id, flow_id):
            found.setdefault(row["id"], []).append(VertexBuildRead.model_validate(dict(row)))
    return VertexBuilds(vertex_builds=found)


@router.delete("/builds", status_code=204)
async def delete_builds(flow_id: UUID, caller: CallerNow, server: Server) -> None:
    """Forget the builds of a flow."""
    await server.store.write(lambda c: monitor.remove_builds(c, caller.id, flow_id))


@router.get("/transactions")
async def list_transactions(
    flow_id: UUID,
    caller: CallerNow,
    server: Server,
    page: Annotated[int | None, Query(ge=1, le=1_000_000)] = 1,
    size: Annotated[int | None, Query(ge=1, le=100)] = 50,
) -> TransactionPage:
    """Return a page of a flow's transactions, newest first."""
    page, size = page or 1, size or 50
    async with server.store.reading() as connection:
        total, rows = await monitor.transaction_page(
            connection, caller.id, flow_id, limit=size, offset=(page - 1) * size
        )
    items = [TransactionRead.model_validate(dict(row)) for row in rows]
    return TransactionPage(items=items, total=total, page=page, size=size, pages=-(-total // size))
