"""A component store: Directus's REST API for a few collections, with its errors."""

from __future__ import annotations

import json
import uuid
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

KEY = "store-key-of-ada"
TAG = {"id": str(uuid.uuid4()), "name": "agents"}


def _error(status: int, code: str, message: str) -> JSONResponse:
    return JSONResponse({"errors": [{"message": message, "extensions": {"code": code}}]}, status)


def _matches(row: dict[str, Any], rule: dict[str, Any]) -> bool:
    for name, condition in rule.items():
        if name == "_and":
            fits = all(_matches(row, r) for r in condition)
        elif name == "_or":
            fits = any(_matches(row, r) for r in condition)
        elif name == "liked_by":
            fits = row["liked"]
        elif name == "user_created":
            fits = condition.get("_eq") == "$CURRENT_USER" and row["user_created"]["username"] == "ada"
        elif name == "tags":
            names = condition.get("_some", condition)["tags_id"]["name"]
            fits = any(t["tags_id"]["name"] in names.get("_in", []) for t in row["tags"])
        elif "_icontains" in condition:
            fits = condition["_icontains"].lower() in (row[name] or "").lower()
        else:
            fits = row[name] == condition["_eq"]
        if not fits:
            return False
    return True


def store_app() -> FastAPI:
    """Return the service with one component in it; `state.webhook_calls` lists the calls of its webhooks."""
    app = FastAPI()
    app.state.rows = []
    app.state.webhook_calls = []
    app.state.down = False

    def row(**values: Any) -> dict[str, Any]:
        base = {
            "id": str(uuid.uuid4()),
            "name": "",
            "description": "",
            "data": {"nodes": [], "edges": []},
            "is_component": True,
            "metadata": {},
            "private": False,
            "tags": [],
            "user_created": {"username": "bob"},
            "liked": False,
            "last_tested_version": "1.7.3",
        }
        return {**base, **values}

    app.state.rows.append(row(name="Weather", description="Asks for the weather", tags=[{"tags_id": TAG}]))
    app.state.rows.append(row(name="Hidden", private=True))

    @app.middleware("http")
    async def check(request: Request, call_next: Any) -> Any:
        if app.state.down:
            return JSONResponse({"errors": [{"message": "Service unavailable"}]}, 503)
        credentials = request.headers.get("authorization")
        if credentials is not None and credentials != f"Bearer {KEY}":
            return _error(401, "INVALID_CREDENTIALS", "Invalid user credentials.")
        is_public = request.method == "GET" or request.url.path.startswith("/flows/trigger/")
        if credentials is None and (not is_public or request.url.path == "/users/me"):
            return _error(403, "FORBIDDEN", "You don't have permission to access this.")
        return await call_next(request)

    def find_item(item_id: str) -> dict[str, Any] | None:
        return next((r for r in app.state.rows if r["id"] == item_id), None)

    def public_json(r: dict[str, Any]) -> dict[str, Any]:
        return {**{k: v for k, v in r.items() if k != "liked"}, "liked_by_count": int(r["liked"]), "downloads_count": 0}

    @app.get("/users/me")
    async def me() -> Any:
        return {"data": {"id": str(uuid.uuid4())}}

    @app.get("/items/tags")
    async def tags() -> Any:
        return {"data": [TAG]}

    @app.get("/items/components")
    async def components(request: Request) -> Any:
        query = request.query_params
        rows = [r for r in app.state.rows if _matches(r, json.loads(query["filter"]))]
        page, limit = int(query["page"]), int(query["limit"])
        return {
            "data": [public_json(r) for r in rows[(page - 1) * limit : page * limit]],
            "meta": {"filter_count": len(rows)},
        }

    @app.get("/items/components/{item_id}")
    async def component(item_id: str) -> Any:
        r = find_item(item_id)
        return {"data": public_json(r)} if r else _error(404, "ROUTE_NOT_FOUND", "Item not found.")

    @app.post("/items/components")
    async def create(request: Request) -> Any:
        body = await request.json()
        created = row(**{**body, "tags": [], "user_created": {"username": "ada"}})
        app.state.rows.append(created)
        return {"data": {"id": created["id"]}}

    @app.patch("/items/components/{item_id}")
    async def update(item_id: str, request: Request) -> Any:
        r = find_item(item_id)
        if r is None or r["user_created"]["username"] != "ada":
            return _error(403, "FORBIDDEN", "You don't have permission to access this.")
        r.update({k: v for k, v in (await request.json()).items() if k != "tags"})
        return {"data": {"id": r["id"]}}

    @app.post("/flows/trigger/{hook}")
    async def trigger(hook: str, request: Request) -> Any:
        item_id = (await request.json())["component_id"]
        app.state.webhook_calls.append((hook, item_id))
        r = find_item(item_id)
        if hook == "like" and r is not None:
            r["liked"] = not r["liked"]
        return [1]

    return app
