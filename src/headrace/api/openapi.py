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

#: What any route may answer beside its own statuses.
_EVERYWHERE = {
    "400": "The request makes no sense as it stands; `detail` says why",
    "422": "A value is not of its type",
    "503": "The database or the storage does not answer; nothing was kept",
}
_GUARDED = {
    "401": "A bearer token that is no good",
    "403": "No credentials, an API key that isn't known, or too few rights",
}
_WITH_BODY = {"413": "The body is larger than the operator allows", "507": "The disk or the storage is full"}


def describe(app: FastAPI) -> None:
    """Let `app` describe itself; what is public follows from the one list that lets requests through."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            body = get_openapi(title=app.title, version=app.version, routes=app.routes)
            body.setdefault("components", {})["securitySchemes"] = _SCHEMES
            for path, operations in body["paths"].items():
                for operation in operations.values():
                    everywhere = dict(_EVERYWHERE)
                    if path not in PUBLIC_PATHS:
                        operation["security"] = [{name: []} for name in _SCHEMES]
                        everywhere |= _GUARDED
                    if "requestBody" in operation:
                        everywhere |= _WITH_BODY
                    for status, description in everywhere.items():
                        operation["responses"].setdefault(status, {"description": description})
            # Most of these are lists of problems; some are a sentence, as recorded.
            problems = body["components"]["schemas"]["HTTPValidationError"]["properties"]
            problems["detail"] = {"anyOf": [problems["detail"], {"type": "string"}]}
            app.openapi_schema = body
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
