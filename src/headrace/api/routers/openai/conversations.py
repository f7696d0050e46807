"""Conversations and their items."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Response
from pydantic import Field

from headrace.api.dependencies import CurrentUser, ServicesDep
from headrace.api.routers.openai.paging import Paging
from headrace.api.routers.openai.runs import stored_response
from headrace.api.schemas.bounds import ClosedModel
from headrace.formats.openai.pages import page
from headrace.formats.openai.response_items import InputItem, stored_item, to_turns
from headrace.formats.openai.response_request import Metadata

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import RowMapping


#: The maximum number of items in a request.
MAX_ITEMS = 20

Items = Annotated[list[InputItem], Field(max_length=MAX_ITEMS, fail_fast=True)]

_Json = dict[str, Any]
_NOT_FOUND: dict[int | str, dict[str, Any]] = {404: {"description": "The caller has no such conversation or item"}}
_LIMITED: dict[int | str, dict[str, Any]] = {409: {"description": "A limit on conversations is reached"}}


class NewConversation(ClosedModel):
    """A conversation to create."""

    items: Items | None = Field(default=None, description="The first items.")
    metadata: Metadata | None = None


class ConversationChange(ClosedModel):
    """A change of a conversation."""

    metadata: Metadata | None = Field(description="The new metadata, which replaces the old.")


class NewItems(ClosedModel):
    """Items to add."""

    items: Items


async def create_conversation(
    caller: CurrentUser, server: ServicesDep, body: NewConversation | None = None
) -> dict[str, Any]:
    """Create a conversation. Its id is that of its session."""
    body = body or NewConversation()
    row = await server.conversations.create(caller.id, body.metadata or {}, _stored(body.items or []))
    return _conversation(row)


async def get_conversation(conversation_id: str, caller: CurrentUser, server: ServicesDep) -> dict[str, Any]:
    """Return a conversation."""
    return _conversation(await server.conversations.get(caller.id, conversation_id))


async def change_conversation(
    conversation_id: str, body: ConversationChange, caller: CurrentUser, server: ServicesDep
) -> dict[str, Any]:
    """Replace the metadata of a conversation."""
    return _conversation(await server.conversations.change(caller.id, conversation_id, body.metadata or {}))


async def delete_conversation(conversation_id: str, caller: CurrentUser, server: ServicesDep) -> dict[str, Any]:
    """Delete a conversation with its items. The messages of its session stay."""
    await server.conversations.delete(caller.id, conversation_id)
    return {"id": conversation_id, "object": "conversation.deleted", "deleted": True}


async def add_items(conversation_id: str, body: NewItems, caller: CurrentUser, server: ServicesDep) -> Response:
    """Add items to a conversation."""
    items = _stored(body.items)
    await server.conversations.add_items(caller.id, conversation_id, items)
    return await stored_response(server, caller.id, page(items, has_more=False))


async def list_items(conversation_id: str, caller: CurrentUser, server: ServicesDep, paging: Paging) -> Response:
    """List the items of a conversation, newest first."""
    items = await server.conversations.list_items(caller.id, conversation_id, paging)
    return await stored_response(server, caller.id, items)


async def get_item(conversation_id: str, item_id: str, caller: CurrentUser, server: ServicesDep) -> Response:
    """Return an item of a conversation."""
    item = await server.conversations.get_item(caller.id, conversation_id, item_id)
    return await stored_response(server, caller.id, item)


async def delete_item(conversation_id: str, item_id: str, caller: CurrentUser, server: ServicesDep) -> dict[str, Any]:
    """Delete an item of a conversation, and return the conversation."""
    return _conversation(await server.conversations.delete_item(caller.id, conversation_id, item_id))


def _conversation(row: RowMapping) -> dict[str, Any]:
    return {
        "id": row["id"],
        "object": "conversation",
        "created_at": int(row["created_at"].timestamp()),
        "metadata": row["labels"],
    }


def _stored(items: Sequence[InputItem]) -> list[dict[str, Any]]:
    for n, item in enumerate(items):
        # Items that no flow can read are rejected here, and not when they are used.
        to_turns(item, dict.fromkeys(item.file_ids(), ""), f"items[{n}]")
    return [stored_item(item.model_dump(exclude_unset=True, exclude_none=True)) for item in items]


def register(router: APIRouter) -> None:
    """Add the routes of conversations to a router."""
    router.post("/conversations", responses=_LIMITED)(create_conversation)
    router.get("/conversations/{conversation_id}", responses=_NOT_FOUND)(get_conversation)
    router.post("/conversations/{conversation_id}", responses=_NOT_FOUND)(change_conversation)
    router.delete("/conversations/{conversation_id}", responses=_NOT_FOUND)(delete_conversation)
    items, item = "/conversations/{conversation_id}/items", "/conversations/{conversation_id}/items/{item_id}"
    router.post(items, response_model=_Json, responses={**_NOT_FOUND, **_LIMITED})(add_items)
    router.get(items, response_model=_Json, responses=_NOT_FOUND)(list_items)
    router.get(item, response_model=_Json, responses=_NOT_FOUND)(get_item)
    router.delete(item, responses=_NOT_FOUND)(delete_item)
