"""A client of the component store: a Directus service (its REST API: /items, /users, filters as JSON)."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx2

from headrace.errors import HeadraceError

if TYPE_CHECKING:
    from headrace.egress import GuardedEgress
    from headrace.settings import Settings

log = logging.getLogger(__name__)

SECONDS = 10.0

_LISTED = [
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
_ME = "$CURRENT_USER"


class StoreOffError(HeadraceError):
    """There is no component store here."""

    def __init__(self) -> None:
        super().__init__("The component store is off. An operator can set LANGFLOW_STORE_URL to a store's address.")


class StoreKeyError(HeadraceError):
    """The store wants a key, or refuses the one that is there."""


class StoreItemMissingError(HeadraceError):
    """The store has no such thing."""


class StoreServiceError(HeadraceError):
    """The store does not answer as it should."""

    def __init__(self, what: str) -> None:
        super().__init__(f"The component store {what}. Try again later.")


@dataclass(frozen=True, slots=True)
class StoreQuery:
    """Which components are wanted. None wants any."""

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


def _filter(wanted: StoreQuery) -> dict[str, Any]:
    every: list[dict[str, Any]] = []
    if wanted.component_id is not None:
        every.append({"id": {"_eq": str(wanted.component_id)}})
    if wanted.search:
        like = {"_icontains": wanted.search}
        every.append(
            {
                "_or": [
                    {"name": like},
                    {"description": like},
                    {"tags": {"tags_id": {"name": like}}},
                    {"user_created": {"username": like}},
                ]
            }
        )
    if wanted.is_component is not None:
        every.append({"is_component": {"_eq": wanted.is_component}})
    if wanted.tags:
        every.append({"tags": {"_some": {"tags_id": {"name": {"_in": list(wanted.tags)}}}}})
    if wanted.liked:
        every.append({"liked_by": {"directus_users_id": {"_eq": _ME}}})
    if wanted.filter_by_user:
        every.append({"user_created": {"_eq": _ME}})
    if wanted.private is not None or not wanted.filter_by_user:
        every.append({"private": {"_eq": bool(wanted.private)}})
    return {"_and": every}


class ComponentStore:
    """The store that the settings name, or none. Every request goes through the guarded way out."""

    def __init__(self, settings: Settings, egress: GuardedEgress) -> None:
        self.enabled = settings.store and bool(settings.store_url)
        self._url = (settings.store_url or "").rstrip("/")
        self._download_webhook = settings.download_webhook_url
        self._like_webhook = settings.like_webhook_url
        self._egress = egress
        for url in (settings.store_url, settings.download_webhook_url, settings.like_webhook_url):
            if url:
                egress.allow_endpoint(url)

    async def key_fits(self, key: str) -> bool:
        """Return whether the store knows this key."""
        try:
            await self._ask("GET", "/users/me", key, params={"fields": "id"})
        except StoreKeyError:
            return False
        return True

    async def components(self, key: str | None, wanted: StoreQuery) -> tuple[int, list[dict[str, Any]]]:
        """Return how many components match, and a page of them."""
        if key is None and (wanted.liked or wanted.filter_by_user or wanted.private):
            raise StoreKeyError("This needs a key of the component store. Save yours with POST /api/v1/api_key/store.")
        body = await self._ask(
            "GET",
            "/items/components",
            key,
            params={
                "fields": ",".join(wanted.fields or _LISTED),
                "filter": json.dumps(_filter(wanted)),
                "sort": ",".join(wanted.sort or ["-count(liked_by)"]),
                "page": str(wanted.page),
                "limit": str(wanted.limit),
                "meta": "filter_count",
            },
        )
        rows = body.get("data")
        if not isinstance(rows, list):
            raise StoreServiceError("answered with something that is no list")
        meta = body.get("meta")
        count = meta.get("filter_count", len(rows)) if isinstance(meta, dict) else len(rows)
        return int(count), [_flat(row) for row in rows if isinstance(row, dict)]

    async def component(self, key: str | None, component_id: UUID) -> dict[str, Any]:
        """Return a component with its data, and tell the store that it was downloaded."""
        fields = "id,name,description,data,is_component,metadata"
        found = await self._item("GET", f"/items/components/{component_id}", key, params={"fields": fields})
        if self._download_webhook:
            await self._tell(self._download_webhook, key, {"component_id": str(component_id)})
        return found

    async def share(self, key: str, body: Mapping[str, Any], component_id: UUID | None = None) -> UUID:
        """Put a component into the store, or in the place of one of the caller's, and return its id."""
        tags = [{"tags_id": tag} for tag in body.get("tags") or []]
        path = "/items/components" if component_id is None else f"/items/components/{component_id}"
        method = "POST" if component_id is None else "PATCH"
        item = await self._item(method, path, key, json={**body, "tags": tags})
        try:
            return UUID(str(item["id"]))
        except (KeyError, ValueError) as error:
            raise StoreServiceError("answered without the component's id") from error

    async def tags(self) -> list[dict[str, Any]]:
        """Return the tags that components have."""
        body = await self._ask("GET", "/items/tags", None, params={"fields": "id,name"})
        return [row for row in body.get("data") or [] if isinstance(row, dict)]

    async def liked(self, key: str) -> list[dict[str, Any]]:
        """Return the components that the caller likes, with how many others do."""
        _, rows = await self.components(
            key, StoreQuery(liked=True, private=False, fields=["id", "count(liked_by)"], limit=100)
        )
        return rows

    async def like(self, key: str, component_id: UUID) -> tuple[int, bool]:
        """Like a component, or no longer; return how many do, and whether the caller is among them."""
        if not self._like_webhook:
            raise StoreServiceError("takes no likes here: LANGFLOW_LIKE_WEBHOOK_URL is not set")
        await self._send("POST", self._like_webhook, key, json={"component_id": str(component_id)})
        item = await self._item(
            "GET", f"/items/components/{component_id}", key, params={"fields": "id,count(liked_by)"}
        )
        mine = await self.liked(key)
        return int(item.get("liked_by_count") or 0), any(row.get("id") == str(component_id) for row in mine)

    async def _item(self, method: str, path: str, key: str | None, **request: Any) -> dict[str, Any]:
        item = (await self._ask(method, path, key, **request)).get("data")
        if not isinstance(item, dict):
            raise StoreServiceError("answered with something that is no component")
        return item

    async def _ask(self, method: str, path: str, key: str | None, **request: Any) -> dict[str, Any]:
        answer = await self._send(method, f"{self._url}{path}", key, **request)
        try:
            body = answer.json()
        except ValueError as error:
            raise StoreServiceError("answered with something that is no JSON") from error
        if not isinstance(body, dict):
            raise StoreServiceError("answered with something that is no object")
        return body

    async def _tell(self, url: str, key: str | None, body: dict[str, Any]) -> None:
        try:
            await self._send("POST", url, key, json=body)
        except HeadraceError as error:
            log.warning("the component store was not told of a download: %s", error.message)

    async def _send(self, method: str, url: str, key: str | None, **request: Any) -> httpx2.Response:
        if not self.enabled:
            raise StoreOffError
        headers = {"authorization": f"Bearer {key}"} if key else {}
        try:
            async with self._egress.client(SECONDS) as client:
                answer = await client.request(method, url, headers=headers, **request)
        except httpx2.HTTPError as error:
            raise StoreServiceError("does not answer") from error
        if answer.status_code in {401, 403}:
            raise StoreKeyError(
                "The component store refuses this key. Save a good one with POST /api/v1/api_key/store."
            )
        if answer.status_code == 404:
            raise StoreItemMissingError("The component store has no such component.")
        if answer.status_code >= 400:
            raise StoreServiceError(f"refused the request with status {answer.status_code}")
        return answer


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row with its tags as they are, without the table between components and tags."""
    if not isinstance(row.get("tags"), list):
        return row
    tags = [t["tags_id"] for t in row["tags"] if isinstance(t, dict) and isinstance(t.get("tags_id"), dict)]
    return {**row, "tags": tags}
