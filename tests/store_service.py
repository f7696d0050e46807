"""A component store: Directus's REST API for a few collections, errors included."""

from __future__ import annotations

import json
import uuid
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

KEY = "store-key-of-ada"
TAG = {"id": str(uuid.uuid4()), "name": "agents"}


def _refused(status: int, code: str, message: str) -> JSONResponse:
    return JSONResponse({"errors": [{"message": message, "extensions": {"code": code}}]}, status)


def _matches(row: dict[str, Any], rule: dict[str, Any]) -> bool:
    for name, wanted in rule.items():
        if name == "_and":
            fits = all(_matches(row, r) for r in wanted)
        elif name == "_or":
            fits = any(_matches(row, r) for r in wanted)
        elif name == "liked_by":
            fits = row["liked"]
        elif name == "user_created":
            fits = wanted.get("_eq") == "$CURRENT_USER" and row["user_created"]["username"] == "ada"
        elif name == "tags":
            names = wanted.get("_some", wanted)["tags_id"]["name"]
            fits = any(t["tags_id"]["name"] in names.get("_in", []) for t in row["tags"])
        elif "_icontains" in wanted:
            fits = wanted["_icontains"].lower() in (row[name] or "").lower()
        else:
            fits = row[name] == wanted["_eq"]
        if not fits:
            return False
    return True


def store_app() -> FastAPI:
    """Return the service with one component in it; `state.told` holds what its webhooks heard."""
    app = FastAPI()
    app.state.rows = []
    app.state.told = []
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
            return _refused(401, "INVALID_CREDENTIALS", "Invalid user credentials.")
        open_to_all = request.method == "GET" or request.url.path.startswith("/flows/trigger/")
        if credentials is None and (not open_to_all or request.url.path == "/users/me"):
            return _refused(403, "FORBIDDEN", "You don't have permission to access this.")
        return await call_next(request)

    def found(item_id: str) -> dict[str, Any] | None:
        return next((r for r in app.state.rows if r["id"] == item_id), None)

    def shown(r: dict[str, Any]) -> dict[str, Any]:
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
            "data": [shown(r) for r in rows[(page - 1) * limit : page * limit]],
            "meta": {"filter_count": len(rows)},
        }

    @app.get("/items/components/{item_id}")
    async def component(item_id: str) -> Any:
        r = found(item_id)
        return {"data": shown(r)} if r else _refused(404, "ROUTE_NOT_FOUND", "Item not found.")

    @app.post("/items/components")
    async def create(request: Request) -> Any:
        body = await request.json()
        made = row(**{**body, "tags": [], "user_created": {"username": "ada"}})
        app.state.rows.append(made)
        return {"data": {"id": made["id"]}}

    @app.patch("/items/components/{item_id}")
    async def update(item_id: str, request: Request) -> Any:
        r = found(item_id)
        if r is None or r["user_created"]["username"] != "ada":
            return _refused(403, "FORBIDDEN", "You don't have permission to access this.")
        r.update({k: v for k, v in (await request.json()).items() if k != "tags"})
        return {"data": {"id": r["id"]}}

    @app.post("/flows/trigger/{hook}")
    async def trigger(hook: str, request: Request) -> Any:
        item_id = (await request.json())["component_id"]
        app.state.told.append((hook, item_id))
        r = found(item_id)
        if hook == "like" and r is not None:
            r["liked"] = not r["liked"]
        return [1]

    return app
