"""Errors in the format of the OpenAI API.

Source: OpenAI's API reference, "Error codes".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from headrace.errors import BadRequestError, HeadraceError, NotFoundError

INVALID_REQUEST = "invalid_request_error"
_RATE_LIMIT = "rate_limit_error"
_SERVER_ERROR = "server_error"


#: The maximum length of the name of a parameter in an error. Clients make names up.
MAX_PARAM_CHARACTERS = 200


class ParameterError(BadRequestError):
    """A parameter of an OpenAI request is unknown, has a wrong value, or cannot be honoured by the flow."""

    def __init__(self, param: str, message: str, code: str | None = "invalid_value") -> None:
        super().__init__(message)
        self.param = param[:MAX_PARAM_CHARACTERS]
        self.code = code


class UnsupportedParameterError(ParameterError):
    """A parameter of an OpenAI request is not supported, by this server or by the flow."""

    def __init__(self, param: str, reason: str) -> None:
        super().__init__(param, f"Unsupported parameter: '{param}'. {reason}", "unsupported_parameter")


class UnknownParameterError(ParameterError):
    """An OpenAI request has a parameter that the API does not define."""

    def __init__(self, param: str) -> None:
        name = param[:MAX_PARAM_CHARACTERS]
        super().__init__(name, f"Unknown parameter: '{name}'. Remove it.", "unknown_parameter")


class ModelNotFoundError(NotFoundError):
    """The caller has no flow with the name in `model`."""

    code = "model_not_found"
    param = "model"

    def __init__(self, model: str) -> None:
        super().__init__(f"The model '{model}' does not exist: you have no flow with this id or endpoint name.")


class ObjectNotFoundError(NotFoundError):
    """The caller has no response, conversation, item or file with this id."""

    code = None

    def __init__(self, kind: str, object_id: str, param: str | None = None) -> None:
        super().__init__(f"No {kind} with the id '{object_id}' found. It does not exist, or it was deleted.")
        self.param = param


@dataclass(frozen=True, slots=True)
class ResponseErrorCode:
    """The `code` in the `error` of a failed response, by the status of the server's error.

    Attributes:
        statuses: the statuses.
        reason: the reasons for these statuses.

    """

    code: str
    statuses: tuple[int, ...]
    reason: str


#: Source: OpenAI's API reference, `ResponseError`. Its other codes are about images and vector stores.
RESPONSE_ERROR_CODES = (
    ResponseErrorCode(
        "invalid_prompt", (400, 413, 415, 422), "the input or an option does not suit the flow or its model"
    ),
    ResponseErrorCode("rate_limit_exceeded", (429,), "too many runs"),
)
#: The code of failed responses with any other status.
OTHER_RESPONSE_ERROR_CODE = ResponseErrorCode(
    _SERVER_ERROR,
    (),
    "a component failed, a service did not answer, the run took too long, or a limit on objects is reached",
)


def response_error(error: HeadraceError) -> dict[str, str]:
    """Return the `error` of a failed response."""
    codes = (row.code for row in RESPONSE_ERROR_CODES if error.status_code in row.statuses)
    return {"code": next(codes, OTHER_RESPONSE_ERROR_CODE.code), "message": error.message}


def envelope(
    message: str, *, kind: str = INVALID_REQUEST, code: str | None = None, param: str | None = None
) -> dict[str, Any]:
    """Return the body of an error."""
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def kind_of_status(status: int) -> str:
    """Return the `type` of an error with this status."""
    if status == 429:
        return _RATE_LIMIT
    return _SERVER_ERROR if status >= 500 else INVALID_REQUEST


def envelope_of(error: HeadraceError, status: int | None = None, message: str | None = None) -> dict[str, Any]:
    """Return the body of an error of the server. An error class may name the `code` and the `param`.

    Args:
        error: the error.
        status: the status of the response; by default that of the error.
        message: the message, if it differs from that of the error.

    """
    status = status or error.status_code
    code: str | None = getattr(error, "code", None)
    if code is None and status == 429:
        code = "rate_limit_exceeded"
    return envelope(
        message or error.message, kind=kind_of_status(status), code=code, param=getattr(error, "param", None)
    )
