"""Errors to statuses, in one place."""

from __future__ import annotations

import logging

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DBAPIError, IntegrityError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from headrace.api.archive import ArchiveError
from headrace.api.flow_models import EndpointNameError
from headrace.api.json_body import BodyTooLargeError, UnreadableBodyError
from headrace.auth.errors import (
    CrossSiteError,
    ExpiredKeyError,
    InvalidKeyError,
    InvalidLoginError,
    InvalidTokenError,
    MissingCredentialsError,
)
from headrace.compat.loading import ComponentCodeError
from headrace.component_store import StoreItemMissingError, StoreKeyError, StoreOffError, StoreServiceError
from headrace.errors import HeadraceError, TryAgainError
from headrace.files.shelf import ChangedFileError, UploadTooLargeError
from headrace.files.storage import LostFileError, StorageError, StorageFullError
from headrace.graph.errors import FlowError, RunError
from headrace.runs.builds import BuildNotFoundError
from headrace.runs.overlay import TweakError
from headrace.runs.people_code import UnapprovedCodeError
from headrace.runs.runner import FlowNotFoundError, RunTimeoutError
from headrace.runs.webhook import SignatureError
from headrace.schema.template import TemplateError
from headrace.store.engine import DatabaseUnavailableError
from headrace.store.flows import StaleFlowError
from headrace.store.jobs import ReusedKeyError
from headrace.store.writer import WriterClosedError

log = logging.getLogger(__name__)


class BadRequestError(HeadraceError):
    """What was asked for makes no sense as it stands; says why."""


class NotFoundError(HeadraceError):
    """The caller has no such thing."""


class ConflictError(HeadraceError):
    """Somebody else was there first; says with what."""


class UnfitMediaError(HeadraceError):
    """A file is not of the kind that was asked for."""


class SwitchedOffError(HeadraceError):
    """The operator has not switched this on."""


class ForbiddenError(HeadraceError):
    """The caller may not do this."""


class AutoLoginOffError(HeadraceError):
    """Auto login is switched off."""


#: How SQLite and PostgreSQL (SQLSTATE 53100) say that a disk is full.
_DISK_FULL = ("database or disk is full", "No space left on device")

#: PostgreSQL's class of errors for values that it cannot keep: a NUL character, say.
_DATA_REFUSED = "22"

STATUS: dict[type[HeadraceError], int] = {
    BadRequestError: 400,
    ConflictError: 409,
    ChangedFileError: 409,
    StaleFlowError: 409,
    UnfitMediaError: 415,
    SwitchedOffError: 501,
    UploadTooLargeError: 413,
    StorageFullError: 507,
    StorageError: 503,
    LostFileError: 503,
    DatabaseUnavailableError: 503,
    TemplateError: 400,
    ArchiveError: 400,
    StoreOffError: 400,
    StoreKeyError: 400,
    StoreItemMissingError: 404,
    StoreServiceError: 502,
    NotFoundError: 404,
    FlowNotFoundError: 404,
    ForbiddenError: 403,
    MissingCredentialsError: 403,
    InvalidKeyError: 403,
    ExpiredKeyError: 403,
    CrossSiteError: 403,
    InvalidTokenError: 401,
    InvalidLoginError: 401,
    FlowError: 400,
    UnapprovedCodeError: 400,
    ComponentCodeError: 400,
    TweakError: 400,
    UnreadableBodyError: 400,
    BodyTooLargeError: 413,
    EndpointNameError: 422,
    BuildNotFoundError: 404,
    TryAgainError: 429,
    ReusedKeyError: 422,
    SignatureError: 401,
    RunTimeoutError: 504,
    WriterClosedError: 503,
}


def run_error_detail(error: HeadraceError) -> str:
    """Return the JSON text that stands as `detail` where a run failed, as Langflow writes it."""
    body = {"message": error.message, "traceback": None, "description": None, "code": None, "suggestion": None}
    return orjson.dumps(body).decode()


def run_error_status(error: HeadraceError) -> int:
    """Return the status of an error that a run ended in."""
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)


def install(app: FastAPI) -> None:
    """Teach `app` how each error is answered."""

    @app.exception_handler(HeadraceError)
    async def _ours(_request: Request, error: HeadraceError) -> JSONResponse:
        if isinstance(error, RunError):
            return JSONResponse({"detail": run_error_detail(error)}, 500)
        if isinstance(error, AutoLoginOffError):
            return JSONResponse({"detail": {"message": error.message, "auto_login": False}}, 400)
        headers = {"Retry-After": str(error.seconds)} if isinstance(error, TryAgainError) else None
        return JSONResponse({"detail": error.message}, run_error_status(error), headers)

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> JSONResponse:
        # FastAPI hides what went wrong with a body behind a sentence of its own.
        if isinstance(error.__cause__, HeadraceError):
            return await _ours(request, error.__cause__)
        return JSONResponse({"detail": error.detail}, error.status_code, error.headers)

    @app.exception_handler(RequestValidationError)
    async def _invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        problems = [
            {**p, "ctx": {k: {} if isinstance(v, Exception) else v for k, v in p["ctx"].items()}} if "ctx" in p else p
            for p in error.errors()
        ]
        if any(p["type"] == "json_invalid" for p in problems):
            return JSONResponse(
                {"detail": f"The request's body is not JSON: {problems[0].get('ctx', {}).get('error', '')}"}, 400
            )
        return JSONResponse({"detail": _encodable(problems)}, 422)

    @app.exception_handler(IntegrityError)
    async def _conflict(_request: Request, _error: IntegrityError) -> JSONResponse:
        return JSONResponse(
            {"detail": "Somebody took this name, or removed what this belongs to, at the same moment. Try again."}, 409
        )

    @app.exception_handler(DBAPIError)
    async def _database(_request: Request, error: DBAPIError) -> JSONResponse:
        if any(mark in str(error.orig) for mark in _DISK_FULL):
            log.error("the database's disk is full")
            return JSONResponse({"detail": "The database's disk is full. Nothing was kept of this request."}, 507)
        if str(getattr(error.orig, "sqlstate", "")).startswith(_DATA_REFUSED):
            return JSONResponse({"detail": "A text of this request has characters that no text here may have."}, 400)
        log.error("the database failed: %s", type(error.orig).__name__)
        return JSONResponse({"detail": DatabaseUnavailableError().message}, 503)

    @app.exception_handler(ClientDisconnect)
    async def _left(_request: Request, _error: ClientDisconnect) -> JSONResponse:
        return JSONResponse({"detail": "The caller hung up before the request was whole."}, 400)

    @app.exception_handler(Exception)
    async def _unexpected(_request: Request, error: Exception) -> JSONResponse:
        log.error("unexpected error", exc_info=error)
        return JSONResponse({"detail": "The server failed at this request. Its log says why."}, 500)


def _encodable(value: object) -> object:
    if isinstance(value, dict):
        return {str(k): _encodable(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_encodable(v) for v in value]
    return value if value is None or isinstance(value, (str, int, float, bool)) else str(value)
