"""The body of an error: `detail` as in Langflow, or an `error` as in the OpenAI API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi.responses import JSONResponse

from headrace.api.http.openai_dialect import speaks_openai
from headrace.api.problems import cut_message
from headrace.auth.errors import ExpiredKeyError, InvalidKeyError, InvalidTokenError, MissingCredentialsError
from headrace.errors import HeadraceError
from headrace.formats.openai.errors import envelope, envelope_of, kind_of_status
from headrace.graph.errors import RunError
from headrace.runs.errors import RunTimeoutError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.types import Scope

#: Errors that Langflow reports with 403, and the OpenAI API with 401.
_CREDENTIAL_ERRORS = (MissingCredentialsError, InvalidKeyError, ExpiredKeyError, InvalidTokenError)

_NO_KEY = "The request has no API key. Send one of headrace in the header 'Authorization: Bearer KEY'."


def error_json(
    scope: Scope, status: int, detail: object, headers: Mapping[str, str] | None = None, *, code: str | None = None
) -> JSONResponse:
    """Return an error response in the format that the client of a request expects."""
    if speaks_openai(scope):
        return JSONResponse(envelope(str(detail), kind=kind_of_status(status), code=code), status, headers)
    return JSONResponse({"detail": detail}, status, headers)


def headrace_error_json(scope: Scope, error: HeadraceError, detail: object) -> JSONResponse:
    """Return the response to an error of headrace; `detail` is that of a client of Langflow."""
    if not speaks_openai(scope):
        return JSONResponse({"detail": detail}, error.status_code, error.headers)
    if isinstance(error, _CREDENTIAL_ERRORS):
        message = _NO_KEY if isinstance(error, MissingCredentialsError) else error.message
        body = envelope(message, code="invalid_api_key")
        return JSONResponse(body, 401, error.headers)
    # OpenAI reports values that are not acceptable with 400.
    status = 400 if error.status_code == 422 else error.status_code
    headers = error.headers
    if isinstance(error, (RunError, RunTimeoutError)):
        # OpenAI's SDKs repeat a request that fails with 500 and more, which would run the flow again.
        headers = {**(headers or {}), "x-should-retry": "false"}
    return JSONResponse(envelope_of(error, status, cut_message(error.message)), status, headers)


def problems_json(scope: Scope, problems: Sequence[Mapping[str, Any]]) -> JSONResponse:
    """Return the response to a request with invalid values; OpenAI's names the first one."""
    if not speaks_openai(scope):
        return JSONResponse({"detail": problems}, 422)
    first = problems[0] if problems else {"loc": (), "msg": "The request is not valid.", "type": "value_error"}
    param = parameter_name(first["loc"])
    if first["type"] == "missing":
        body = envelope(
            f"Missing required parameter: '{param}'." if param else "The request has no JSON body.",
            code="missing_required_parameter",
            param=param,
        )
    elif first["type"] == "extra_forbidden":
        body = envelope(f"Unknown parameter: '{param}'. Remove it.", code="unknown_parameter", param=param)
    else:
        at = f"Invalid value for '{param}': " if param else ""
        body = envelope(f"{at}{first['msg']}.", code="invalid_value", param=param)
    return JSONResponse(body, 400)


def parameter_name(location: Sequence[object]) -> str | None:
    """Return a location in a body as OpenAI writes it: `messages[0].content`. None for the body itself."""
    name = ""
    for part in location[1:]:
        if isinstance(part, int):
            name += f"[{part}]"
        elif part and _is_field(str(part)):
            name += f".{part}" if name else str(part)
    return name or None


def _is_field(part: str) -> bool:
    """Return whether a part of a location is a field of JSON, and not the name of a type in a union."""
    return part.isascii() and part.replace("_", "").isalnum() and part.islower() and part not in {"str", "list", "dict"}
