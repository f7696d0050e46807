"""The OpenAPI document: the routes' own descriptions, with credentials and common errors."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from headrace.api.authentication import API_KEY_NAME, PUBLIC_PATHS


def _schemes(root_path: str) -> dict[str, Any]:
    login = {"scopes": {}, "tokenUrl": f"{root_path}/api/v1/login"}
    return {
        "OAuth2PasswordBearer": {"type": "oauth2", "flows": {"password": login}},
        "API key query": {"type": "apiKey", "in": "query", "name": API_KEY_NAME},
        "API key header": {"type": "apiKey", "in": "header", "name": API_KEY_NAME},
    }


#: Statuses that every route may return in addition to its own.
_COMMON_RESPONSES = {
    "400": "The request is invalid; `detail` contains the reason",
    "422": "A value has the wrong type",
    "503": "The database or the storage is unavailable; nothing was stored",
}
_PROTECTED_RESPONSES = {
    "401": "The bearer token is not valid",
    "403": "The credentials are missing, the API key is not valid, or the user lacks the right",
}
_BODY_RESPONSES = {"413": "The body exceeds the size limit", "507": "The disk or the storage is full"}


def install_openapi(app: FastAPI, root_path: str = "") -> None:
    """Make `app` generate its OpenAPI document. Routes outside `PUBLIC_PATHS` list the credentials that they accept.

    Args:
        app: The application.
        root_path: The path under which a reverse proxy serves it.

    """
    schemes = _schemes(root_path)

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            body = get_openapi(title=app.title, version=app.version, routes=app.routes)
            if root_path:
                body["servers"] = [{"url": root_path}]
            body.setdefault("components", {})["securitySchemes"] = schemes
            for path, operations in body["paths"].items():
                for operation in operations.values():
                    responses = dict(_COMMON_RESPONSES)
                    if path not in PUBLIC_PATHS:
                        operation["security"] = [{name: []} for name in schemes]
                        responses |= _PROTECTED_RESPONSES
                    if "requestBody" in operation:
                        responses |= _BODY_RESPONSES
                    for status, description in responses.items():
                        operation["responses"].setdefault(status, {"description": description})
            # Validation errors are lists of problems, except for some that are a single text, as in Langflow.
            problems = body["components"]["schemas"]["HTTPValidationError"]["properties"]
            problems["detail"] = {"anyOf": [problems["detail"], {"type": "string"}]}
            app.openapi_schema = body
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
