"""Exception handlers: each error becomes a JSON response."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, cast

import orjson
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.requests import Request
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DBAPIError, IntegrityError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from headrace.api.http.error_body import error_json, headrace_error_json, problems_json
from headrace.api.http.openai_dialect import speaks_openai
from headrace.api.problems import bounded_problems, cut_message, cut_text
from headrace.db.engine import DatabaseUnavailableError
from headrace.errors import HeadraceError
from headrace.graph.errors import RunError
from headrace.logs.request_id import REQUEST_ID_HEADER, current_request_id

if TYPE_CHECKING:
    from starlette.types import Scope

log = logging.getLogger(__name__)

#: How SQLite and PostgreSQL (SQLSTATE 53100) report a full disk.
_DISK_FULL_MESSAGES = ("database or disk is full", "No space left on device")

#: The SQLSTATE class of PostgreSQL for values that it cannot store, such as text with a NUL character.
_DATA_EXCEPTION_CLASS = "22"


def register_exception_handlers(app: FastAPI) -> None:
    """Register a handler for each family of errors.

    Args:
        app: the application whose responses report the errors.

    """
    app.add_exception_handler(HeadraceError, _handle_error)
    app.add_exception_handler(HTTPException, _handle_http_exception)
    app.add_exception_handler(RequestValidationError, _handle_validation_error)
    app.add_exception_handler(DBAPIError, _handle_error)
    app.add_exception_handler(ClientDisconnect, _handle_disconnect)
    app.add_exception_handler(Exception, _handle_unexpected_error)


def error_response(error: HeadraceError | DBAPIError, scope: Scope) -> JSONResponse:
    """Return the response that reports an error of headrace or of the database to the client of a request."""
    if isinstance(error, IntegrityError):
        message = "Another request changed this name or its parent object at the same time. Try again."
        return error_json(scope, 409, message)
    if isinstance(error, DBAPIError):
        return _database_response(error, scope)
    detail = run_error_detail(error, error.traceback) if isinstance(error, RunError) else error.detail
    if detail is error.message:
        detail = cut_message(error.message)
    return headrace_error_json(scope, error, detail)


def run_error_detail(error: HeadraceError, traceback: str | None = None) -> str:
    """Return the `detail` of a failed run: a JSON text, as Langflow writes it. The traceback is for the flow's owner."""
    body = {
        "message": cut_message(error.message),
        "traceback": traceback,
        "description": None,
        "code": None,
        "suggestion": None,
    }
    return orjson.dumps(body).decode()


def _database_response(error: DBAPIError, scope: Scope) -> JSONResponse:
    if any(text in str(error.orig) for text in _DISK_FULL_MESSAGES):
        log.error("the database's disk is full")
        return error_json(scope, 507, "The database's disk is full. Nothing of this request was stored.")
    if str(getattr(error.orig, "sqlstate", "")).startswith(_DATA_EXCEPTION_CLASS):
        return error_json(scope, 400, "A text in this request contains characters that the database rejects.")
    log.error("the database failed: %s", type(error.orig).__name__)
    return error_json(scope, 503, DatabaseUnavailableError().message)


async def _handle_error(request: Request, error: Exception) -> JSONResponse:
    return error_response(cast("HeadraceError | DBAPIError", error), request.scope)


async def _handle_http_exception(request: Request, error: Exception) -> JSONResponse:
    # FastAPI wraps an error that is raised while it reads the body, and replaces its message.
    if isinstance(error.__cause__, HeadraceError):
        return error_response(error.__cause__, request.scope)
    http_error = cast("HTTPException", error)
    detail = http_error.detail
    if speaks_openai(request.scope) and http_error.status_code in {404, 405}:
        detail = f"Invalid URL ({request.method} {request.url.path}): the API has no such route."
    return error_json(request.scope, http_error.status_code, detail, http_error.headers)


async def _handle_validation_error(request: Request, error: Exception) -> JSONResponse:
    problems = bounded_problems(cast("RequestValidationError", error).errors())
    if any(p["type"] == "json_invalid" for p in problems):
        reason = problems[0].get("ctx", {}).get("error", "")
        return error_json(request.scope, 400, f"The request body is not valid JSON: {reason}")
    media_type = request.headers.get("content-type", "")
    if any(p["loc"] == ["body"] for p in problems) and media_type and "json" not in media_type.lower():
        # FastAPI does not parse a body of another type; curl sends that of a form by default.
        for problem in problems:
            problem["msg"] = (
                f"The body must be JSON with the header 'Content-Type: application/json', not '{cut_text(media_type)}'."
            )
    return problems_json(request.scope, problems)


async def _handle_disconnect(request: Request, _error: Exception) -> JSONResponse:
    return error_json(request.scope, 400, "The client disconnected before it had sent the complete request.")


async def _handle_unexpected_error(request: Request, error: Exception) -> JSONResponse:
    log.error("unexpected error", exc_info=error)
    request_id = current_request_id()
    return error_json(
        request.scope,
        500,
        f"The server failed to process this request. Its log has the cause under request ID {request_id}.",
        {REQUEST_ID_HEADER.decode(): request_id},
    )
