"""Client of the component store, a Directus service.

Protocol: the Directus REST API (`/items`, `/users/me`, filters as JSON).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx2

from headrace.errors import BadGatewayError, BadRequestError, HeadraceError, NotFoundError

if TYPE_CHECKING:
    from headrace.net.egress import EgressGuard
    from headrace.settings import ComponentStoreSettings

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 10.0

MISSING_KEY_MESSAGE = (
    "This request needs an API key of the component store. Save yours with POST /api/v1/api_key/store."
)

_LIST_FIELDS = [
    "id",
    "name",
    "description",
    "user_created.username",
    "is_component",
    "tags.tags_id.id",
    "tags.tags_id.name",
    "count(liked_by)",
    "count(downloads)",
    "metadata",
    "last_tested_version",
    "private",
]
_CURRENT_USER = "$CURRENT_USER"


class StoreDisabledError(BadRequestError):
    """The component store is disabled."""

    def __init__(self) -> None:
        super().__init__("The component store is disabled. Set LANGFLOW_STORE_URL to the URL of a store to enable it.")


class StoreKeyError(BadRequestError):
    """The component store requires an API key, or refuses the caller's."""


class StoreItemMissingError(NotFoundError):
    """The component store has no such item."""


class StoreServiceError(BadGatewayError):
    """The component store is unavailable or sends an invalid response."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"The component store {problem}. Try again later.")


@dataclass(frozen=True, slots=True)
class StoreQuery:
    """A search for components. None matches everything."""

    component_id: UUID | None = None
    search: str | None = None
    private: bool | None = None
    is_component: bool | None = None
    tags: Sequence[str] = ()
    sort: Sequence[str] = ()
    liked: bool = False
    filter_by_user: bool = False
    fields: Sequence[str] = ()
    page: int = 1
    limit: int = 10


def _to_directus_filter(query: StoreQuery) -> dict[str, Any]:
    conditions: list[dict[str, Any]] = []
    if query.component_id is not None:
        conditions.append({"id": {"_eq": str(query.component_id)}})
    if query.search:
        contains = {"_icontains": query.search}
        conditions.append(
            {
                "_or": [
                    {"name": contains},
                    {"description": contains},
                    {"tags": {"tags_id": {"name": contains}}},
                    {"user_created": {"username": contains}},
                ]
            }
        )
    if query.is_component is not None:
        conditions.append({"is_component": {"_eq": query.is_component}})
    if query.tags:
        conditions.append({"tags": {"_some": {"tags_id": {"name": {"_in": list(query.tags)}}}}})
    if query.liked:
        conditions.append({"liked_by": {"directus_users_id": {"_eq": _CURRENT_USER}}})
    if query.filter_by_user:
        conditions.append({"user_created": {"_eq": _CURRENT_USER}})
    if query.private is not None or not query.filter_by_user:
        conditions.append({"private": {"_eq": bool(query.private)}})
    return {"_and": conditions}


class ComponentStore:
    """Client of the component store in the settings. Every request passes the egress guard."""

    def __init__(self, settings: ComponentStoreSettings, egress: EgressGuard) -> None:
        self.enabled = settings.enabled and bool(settings.url)
        self._url = (settings.url or "").rstrip("/")
        self._download_webhook = settings.download_webhook_url
        self._like_webhook = settings.like_webhook_url
        self._egress = egress
        for url in (
            settings.url,
            settings.download_webhook_url,
            settings.like_webhook_url,
        ):
            if url:
                egress.allow_endpoint(url)

    async def is_valid_key(self, key: str) -> bool:
        """Return whether the store accepts a key."""
        try:
            await self._request_json("GET", "/users/me", key, params={"fields": "id"})
        except StoreKeyError:
            return False
        return True

    async def search_components(self, key: str | None, query: StoreQuery) -> tuple[int, list[dict[str, Any]]]:
        """Return the number of components that match a query, and one page of them."""
        if key is None and (query.liked or query.filter_by_user or query.private):
            raise StoreKeyError(MISSING_KEY_MESSAGE)
        body = await self._request_json(
            "GET",
            "/items/components",
            key,
            params={
                "fields": ",".join(query.fields or _LIST_FIELDS),
                "filter": json.dumps(_to_directus_filter(query)),
                "sort": ",".join(query.sort or ["-count(liked_by)"]),
                "page": str(query.page),
                "limit": str(query.limit),
                "meta": "filter_count",
            },
        )
        rows = body.get("data")
        if not isinstance(rows, list):
            raise StoreServiceError("sent a response without a list of components")
        meta = body.get("meta")
        count = meta.get("filter_count", len(rows)) if isinstance(meta, dict) else len(rows)
        return int(count), [_flatten_tags(row) for row in rows if isinstance(row, dict)]

    async def download_component(self, key: str | None, component_id: UUID) -> dict[str, Any]:
        """Return a component with its data, and report the download to the store."""
        fields = "id,name,description,data,is_component,metadata"
        component = await self._request_item("GET", f"/items/components/{component_id}", key, params={"fields": fields})
        if self._download_webhook:
            await self._notify(self._download_webhook, key, {"component_id": str(component_id)})
        return component

    async def save_component(self, key: str, body: Mapping[str, Any], component_id: UUID | None = None) -> UUID:
        """Add a component to the store, or replace the one with `component_id`, and return its id."""
        tags = [{"tags_id": tag} for tag in body.get("tags") or []]
        path = "/items/components" if component_id is None else f"/items/components/{component_id}"
        method = "POST" if component_id is None else "PATCH"
        item = await self._request_item(method, path, key, json={**body, "tags": tags})
        try:
            return UUID(str(item["id"]))
        except (KeyError, ValueError) as error:
            raise StoreServiceError("sent a response without the component's id") from error

    async def list_tags(self) -> list[dict[str, Any]]:
        """Return all tags of components."""
        body = await self._request_json("GET", "/items/tags", None, params={"fields": "id,name"})
        return [row for row in body.get("data") or [] if isinstance(row, dict)]

    async def list_liked(self, key: str) -> list[dict[str, Any]]:
        """Return the components that the caller likes, each with its number of likes."""
        _, rows = await self.search_components(
            key, StoreQuery(liked=True, private=False, fields=["id", "count(liked_by)"], limit=100)
        )
        return rows

    async def toggle_like(self, key: str, component_id: UUID) -> tuple[int, bool]:
        """Add or remove the caller's like; return the number of likes, and whether the caller likes the component now."""
        if not self._like_webhook:
            raise StoreServiceError("does not accept likes because LANGFLOW_LIKE_WEBHOOK_URL is not set")
        await self._send("POST", self._like_webhook, key, json={"component_id": str(component_id)})
        item = await self._request_item(
            "GET", f"/items/components/{component_id}", key, params={"fields": "id,count(liked_by)"}
        )
        liked = await self.list_liked(key)
        return int(item.get("liked_by_count") or 0), any(row.get("id") == str(component_id) for row in liked)

    async def _request_item(self, method: str, path: str, key: str | None, **request: Any) -> dict[str, Any]:
        item = (await self._request_json(method, path, key, **request)).get("data")
        if not isinstance(item, dict):
            raise StoreServiceError("sent a response without a component")
        return item

    async def _request_json(self, method: str, path: str, key: str | None, **request: Any) -> dict[str, Any]:
        response = await self._send(method, f"{self._url}{path}", key, **request)
        try:
            body = response.json()
        except ValueError as error:
            raise StoreServiceError("sent a response that is not JSON") from error
        if not isinstance(body, dict):
            raise StoreServiceError("sent a response that is not a JSON object")
        return body

    async def _notify(self, url: str, key: str | None, body: dict[str, Any]) -> None:
        try:
            await self._send("POST", url, key, json=body)
        except HeadraceError as error:
            log.warning("could not report a download to the component store: %s", error.message)

    async def _send(self, method: str, url: str, key: str | None, **request: Any) -> httpx2.Response:
        if not self.enabled:
            raise StoreDisabledError
        headers = {"authorization": f"Bearer {key}"} if key else {}
        try:
            async with self._egress.client(TIMEOUT_SECONDS) as client:
                response = await client.request(method, url, headers=headers, **request)
        except httpx2.HTTPError as error:
            raise StoreServiceError("does not respond") from error
        if response.status_code in {401, 403}:
            raise StoreKeyError(
                "The component store refuses this API key. Save a valid one with POST /api/v1/api_key/store."
            )
        if response.status_code == 404:
            raise StoreItemMissingError("The component store has no such component.")
        if response.status_code >= 400:
            raise StoreServiceError(f"refused the request with status {response.status_code}")
        return response


def _flatten_tags(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row with a plain list of tags, without the entries of the join table."""
    if not isinstance(row.get("tags"), list):
        return row
    tags = [t["tags_id"] for t in row["tags"] if isinstance(t, dict) and isinstance(t.get("tags_id"), dict)]
    return {**row, "tags": tags}
