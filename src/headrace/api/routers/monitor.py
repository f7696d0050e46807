"""Routes for the caller's messages, sessions, vertex builds and transactions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import unquote
from uuid import UUID

import orjson
from fastapi import APIRouter, Body, Query, Response
from pydantic import BaseModel, ConfigDict, Field, field_serializer
from starlette.convertors import StringConvertor, register_url_convertor

from headrace.api.dependencies import CurrentUser, ServicesDep
from headrace.api.http.json_list import JSONList, json_list_of, json_list_response, json_object
from headrace.api.http.request_body import StrictJSONRoute
from headrace.api.schemas.bounds import ShortList
from headrace.db.messages import MessageFilter
from headrace.db.row_batches import RowBatches
from headrace.schema.message import TIMESTAMP_FORMAT
from headrace.schema.properties import Properties
from headrace.services.messages import MAX_LISTED_MESSAGES, MAX_MESSAGES


class SessionConvertor(StringConvertor):
    """Converts the rest of a path to a session name, which may contain slashes and line breaks."""

    regex = "(?s:.+)"

    def convert(self, value: str) -> str:
        """Return the session name."""
        return value


register_url_convertor("session", SessionConvertor())

router = APIRouter(prefix="/api/v1/monitor", tags=["Monitor"], route_class=StrictJSONRoute)

_NOT_FOUND: dict[int | str, dict[str, Any]] = {404: {"description": "The caller has no such message or session"}}

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
    """A stored message in a list. `files` is a JSON array as text, as in Langflow."""

    files: str


class MessageRead(_Message):
    """A stored message."""

    files: list[str]
    error: bool


class MessageUpdate(BaseModel):
    """A change of a message. Omitted and null fields stay the same."""

    text: str | None = None
    sender: Annotated[str, Field(max_length=255)] | None = None
    sender_name: Annotated[str, Field(max_length=255)] | None = None
    session_id: SessionName | None = None
    context_id: SessionName | None = None
    files: ShortList[str] | None = None
    edit: bool | None = None
    error: bool | None = None
    properties: Properties | None = None


class VertexBuildRead(BaseModel):
    """The result of a vertex in one build."""

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
    """Vertex builds by vertex id, oldest first."""

    vertex_builds: dict[str, list[VertexBuildRead]]


class TransactionRead(BaseModel):
    """The transfer of outputs from one vertex to another."""

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


_MESSAGES = JSONList(lambda row: MessageListed.model_validate({**row, "files": orjson.dumps(row["files"]).decode()}))
_TRANSACTIONS = json_list_of(TransactionRead)


@router.get("/messages", response_model=list[MessageListed])
async def list_messages(
    caller: CurrentUser,
    server: ServicesDep,
    flow_id: UUID | None = None,
    session_id: Annotated[str | None, Query(description="The session's name, which may be URL-encoded twice.")] = None,
    sender: str | None = None,
    sender_name: str | None = None,
    order_by: Literal["timestamp", "sender", "sender_name", "session_id", "text"] | None = "timestamp",
    order: Literal["ASC", "DESC"] = "ASC",
    before: Annotated[UUID | None, Query(description="The id of a message: only older messages are returned.")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_LISTED_MESSAGES)] = MAX_LISTED_MESSAGES,
) -> Response:
    """List the caller's newest messages that match. To get the preceding page, send the oldest message's id as `before`."""
    # Some clients encode the parameter twice. A session's name may contain "%", so the name as it arrived counts too.
    session_ids = {session_id, unquote(session_id)} if session_id is not None else None
    message_filter = MessageFilter(flow_id=flow_id, session_ids=session_ids, sender=sender, sender_name=sender_name)
    batches = await server.messages.list_messages(
        caller.id,
        message_filter,
        limit=limit,
        order_by=order_by or "timestamp",
        descending=order == "DESC",
        before=before,
    )
    return await json_list_response(_MESSAGES.encode(batches), is_small=batches.is_small)


@router.delete("/messages", status_code=204)
async def delete_messages(
    message_ids: Annotated[list[UUID], Body(max_length=MAX_MESSAGES, fail_fast=True)],
    caller: CurrentUser,
    server: ServicesDep,
) -> None:
    """Delete several messages. Ids of other users' messages are ignored."""
    await server.messages.delete_messages(caller.id, message_ids)


@router.get("/messages/sessions")
async def list_sessions(
    caller: CurrentUser,
    server: ServicesDep,
    flow_id: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=100_000)] = 10_000,
) -> list[str]:
    """List the names of the caller's sessions, of one flow or of all flows, in alphabetical order."""
    return await server.messages.list_sessions(caller.id, flow_id, limit=limit)


@router.put("/messages/{message_id}", responses=_NOT_FOUND)
async def change_message(
    message_id: UUID, body: MessageUpdate, caller: CurrentUser, server: ServicesDep
) -> MessageRead:
    """Change the fields of a message that the body contains. A new text marks the message as edited."""
    values = body.model_dump(exclude_unset=True, exclude_none=True)
    return MessageRead.model_validate(dict(await server.messages.update_message(caller.id, message_id, values)))


@router.patch("/messages/session/{old_session_id:session}", response_model=list[MessageListed], responses=_NOT_FOUND)
async def rename_session(
    old_session_id: str,
    new_session_id: Annotated[str, Query(min_length=1, max_length=1024)],
    caller: CurrentUser,
    server: ServicesDep,
) -> Response:
    """Rename a session and return its newest messages."""
    batches = await server.messages.rename_session(caller.id, old_session_id, new_session_id)
    return await json_list_response(_MESSAGES.encode(batches), is_small=batches.is_small)


@router.delete("/messages/session/{session_id:session}", status_code=204)
async def delete_session(session_id: str, caller: CurrentUser, server: ServicesDep) -> None:
    """Delete a session with its messages."""
    await server.messages.delete_session(caller.id, session_id)


@router.get("/builds", response_model=VertexBuilds)
async def list_builds(flow_id: UUID, caller: CurrentUser, server: ServicesDep) -> Response:
    """Return the results of a flow's vertices in its newest builds."""
    batches = await server.run_history.list_builds(caller.id, flow_id)
    return await json_list_response(json_object({"vertex_builds": _by_vertex(batches)}), is_small=batches.is_small)


async def _by_vertex(batches: RowBatches) -> AsyncIterator[bytes]:
    """Yield the parts of a JSON object with a list for each vertex. The builds of a vertex follow each other."""
    vertex_id, before = None, b"{"
    async for rows in batches.read():
        for row in rows:
            if row["id"] != vertex_id:
                # Ends the list of the vertex before it.
                before = b"{" if vertex_id is None else b"],"
                before += orjson.dumps(row["id"]) + b":["
                vertex_id = row["id"]
            yield before + VertexBuildRead.model_validate(dict(row)).model_dump_json().encode()
            before = b","
    yield b"{}" if vertex_id is None else b"]}"


@router.delete("/builds", status_code=204)
async def delete_builds(flow_id: UUID, caller: CurrentUser, server: ServicesDep) -> None:
    """Delete the stored vertex builds of a flow."""
    await server.run_history.delete_builds(caller.id, flow_id)


@router.get("/transactions", response_model=TransactionPage)
async def list_transactions(
    flow_id: UUID,
    caller: CurrentUser,
    server: ServicesDep,
    page: Annotated[int | None, Query(ge=1, le=1_000_000)] = 1,
    size: Annotated[int | None, Query(ge=1, le=100)] = 50,
) -> Response:
    """Return a page of a flow's transactions, newest first."""
    page, size = page or 1, size or 50
    total, batches = await server.run_history.list_transaction_page(caller.id, flow_id, page=page, size=size)
    counts = {"total": total, "page": page, "size": size, "pages": -(-total // size)}
    fields = {name: str(count).encode() for name, count in counts.items()}
    parts = json_object({"items": _TRANSACTIONS.encode(batches), **fields})
    return await json_list_response(parts, is_small=batches.is_small)
