"""The OpenAPI description: the routes' own, with the credentials that each takes."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from headrace.api.state import KEY_NAME, PUBLIC_PATHS

_SCHEMES = {
    "OAuth2PasswordBearer": {"type": "oauth2", "flows": {"password": {"scopes": {}, "tokenUrl": "/api/v1/login"}}},
    "API key query": {"type": "apiKey", "in": "query", "name": KEY_NAME},
    "API key header": {"type": "apiKey", "in": "header", "name": KEY_NAME},
}


def describe(app: FastAPI) -> None:
    """Let `app` describe itself; what is public follows from the one list that lets requests through."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            body = get_openapi(title=app.title, version=app.version, routes=app.routes)
            body.setdefault("components", {})["securitySchemes"] = _SCHEMES
            for path, operations in body["paths"].items():
                for operation in operations.values():
                    if path not in PUBLIC_PATHS:
                        operation["security"] = [{name: []} for name in _SCHEMES]
                        operation["responses"].setdefault(
                            "403", {"description": "No credentials, or an API key that isn't known"}
                        )
            app.openapi_schema = body
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
