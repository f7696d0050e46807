"""What a server holds when it is new: the first user, the default project, and a flow that answers."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson

from headrace.auth.passwords import hash_password
from headrace.component.node_json import node_json
from headrace.settings import Settings, SettingsError
from headrace.store import flows, projects, users

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headrace.component.registry import Registry
    from headrace.store.store import Store

BASIC_CHAT = "Basic Chat"
BASIC_CHAT_ENDPOINT = "basic-chat"
SYSTEM_MESSAGE = "You are a helpful assistant. Answer in one or two short sentences."


async def prepare(store: Store, settings: Settings, registry: Registry) -> None:
    """Create the first user with project and flow, where they are missing.

    Raises:
        SettingsError: there is no user yet, auto login is off, and no password is set for the superuser.

    """
    async with store.reading() as connection:
        user = await users.by_name(connection, settings.superuser)
    if user is not None:
        return
    password = settings.superuser_password.get_secret_value() if settings.superuser_password else ""
    if not password and not settings.auto_login:
        raise SettingsError(
            "There is no superuser yet and auto login is off. Set LANGFLOW_SUPERUSER and LANGFLOW_SUPERUSER_PASSWORD, "
            "or run: headrace superuser"
        )
    # Under auto login nobody types a password, so nobody needs to know one.
    hashed = await asyncio.to_thread(hash_password, password or secrets.token_urlsafe(32))
    await store.write(lambda connection: _first_user(connection, settings, hashed, registry))


async def _first_user(connection: AsyncConnection, settings: Settings, hashed: str, registry: Registry) -> None:
    if await users.by_name(connection, settings.superuser) is not None:
        return
    owner = await users.add(connection, settings.superuser, hashed, is_superuser=True, is_active=True)
    await welcome(connection, owner, registry if settings.create_starter_projects else None)


async def welcome(connection: AsyncConnection, owner: UUID, registry: Registry | None) -> None:
    """Give a new user the default project, and with a registry the flow Basic Chat in it."""
    folder = await projects.default_of(connection, owner)
    if registry is not None:
        await flows.add(connection, owner, {**basic_chat(registry), "folder_id": folder})


def basic_chat(registry: Registry) -> dict[str, Any]:
    """Return the flow that chats with the local model."""
    chat_in = _node(registry, "ChatInput", "ChatInput-start", 0)
    model = _node(
        registry,
        "LanguageModelComponent",
        "LanguageModelComponent-local",
        400,
        provider="Local",
        model_name="SmolLM2-135M-Instruct",
        system_message=SYSTEM_MESSAGE,
        stream=True,
    )
    chat_out = _node(registry, "ChatOutput", "ChatOutput-end", 800)
    edges = [
        _edge(chat_in, "message", ["Message"], model, "input_value", ["Message"], "str"),
        _edge(model, "text_output", ["Message"], chat_out, "input_value", ["Data", "DataFrame", "Message"], "other"),
    ]
    return {
        "name": BASIC_CHAT,
        "description": "A chat with the model that runs beside this server: no key, no network.",
        "endpoint_name": BASIC_CHAT_ENDPOINT,
        "is_component": False,
        "webhook": False,
        "locked": False,
        "mcp_enabled": False,
        "access_type": "PRIVATE",
        "data": {"nodes": [chat_in, model, chat_out], "edges": edges, "viewport": {"x": 0, "y": 0, "zoom": 1}},
    }


def _node(registry: Registry, type_name: str, node_id: str, x: int, **values: Any) -> dict[str, Any]:
    component = registry.find(type_name)
    if component is None:
        raise LookupError(type_name)
    node = node_json(component)
    for name, value in values.items():
        node["template"][name]["value"] = value
    return {
        "id": node_id,
        "type": "genericNode",
        "position": {"x": x, "y": 0},
        "data": {"id": node_id, "type": type_name, "node": node},
    }


def _edge(
    source: dict[str, Any],
    output: str,
    gives: list[str],
    target: dict[str, Any],
    field: str,
    takes: list[str],
    kind: str,
) -> dict[str, Any]:
    out = {"dataType": source["data"]["type"], "id": source["id"], "name": output, "output_types": gives}
    into = {"fieldName": field, "id": target["id"], "inputTypes": takes, "type": kind}
    return {
        "id": f"{source['id']}-{target['id']}-{field}",
        "source": source["id"],
        "target": target["id"],
        "sourceHandle": _as_text(out),
        "targetHandle": _as_text(into),
        "data": {"sourceHandle": out, "targetHandle": into},
    }


def _as_text(handle: dict[str, Any]) -> str:
    return orjson.dumps(handle).decode().replace('"', "œ")
