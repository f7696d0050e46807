"""Errors of a chat completions server and of the connection to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from headrace.models.provider import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Maximum length of a provider's error message in our errors, in characters.
MAX_ERROR_CHARACTERS = 2000


class ChatError(ModelError):
    """A chat completions request failed."""


class ChatConnectionError(ChatError):
    """The server could not be reached, or the connection broke."""


class ChatTimeoutError(ChatError):
    """The server did not answer in time."""


class InvalidResponseError(ChatError):
    """The server's answer does not follow the protocol, or ended early."""


class RefusalError(ChatError):
    """The model refused to fill in a schema."""


class ChatApiError(ChatError):
    """The server answered with an error.

    Attributes:
        provider_status: the HTTP status of the answer; 200 for an error inside a stream.
        code: the provider's error code or type, such as `invalid_api_key`; empty if missing.
        request_id: the provider's id of the request; empty if missing.
        retry_after_seconds: the wait that the provider asks for, or None.

    """

    def __init__(
        self,
        message: str,
        *,
        provider_status: int,
        code: str = "",
        request_id: str = "",
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(message)
        self.provider_status = provider_status
        self.code = code
        self.request_id = request_id
        self.retry_after_seconds = retry_after_seconds


class AuthenticationError(ChatApiError):
    """The API key is missing, wrong or not allowed to use the model (401, 403)."""


class ModelNotFoundError(ChatApiError):
    """The model or the address is unknown to the server (404)."""


class RateLimitError(ChatApiError):
    """The rate limit or the quota of the API key is used up (429)."""


class InvalidRequestError(ChatApiError):
    """The server rejected the request's contents (other 4xx)."""


class ServerError(ChatApiError):
    """The server failed (5xx)."""


def _error_class(status: int) -> type[ChatApiError]:
    if status in {401, 403}:
        return AuthenticationError
    if status == 404:
        return ModelNotFoundError
    if status == 429:
        return RateLimitError
    if 400 <= status < 500:
        return InvalidRequestError
    return ServerError if status >= 500 else ChatApiError


def error_from_response(
    status: int, body: bytes, headers: Mapping[str, str], *, secret: str, retry_after_seconds: float | None = None
) -> ChatApiError:
    """Return the error that an answer with an error status describes.

    Args:
        status: the HTTP status.
        body: the answer's body: `{"error": {"message", "type", "param", "code"}}`, or anything else.
        headers: the answer's headers.
        secret: the API key, which is removed from the message.
        retry_after_seconds: the wait that the answer asks for.

    """
    try:
        payload: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        payload = None
    message, code = _describe(payload)
    message = message or body.decode("utf-8", "replace").strip() or "The answer has no body."
    return _error_class(status)(
        f"The model server answered {status}: {redact(message, secret)}",
        provider_status=status,
        code=code,
        request_id=headers.get("x-request-id", ""),
        retry_after_seconds=retry_after_seconds,
    )


def error_from_event(payload: Mapping[str, Any], *, secret: str) -> ChatApiError:
    """Return the error in an event of a stream, whose `error` is set."""
    error = payload["error"]
    message, code = _describe(payload)
    error_status = (error.get("status") or error.get("code")) if isinstance(error, dict) else None
    status = (
        int(error_status)
        if isinstance(error_status, int) or (isinstance(error_status, str) and error_status.isdecimal())
        else 200
    )
    return _error_class(status)(
        f"The model server failed while it answered: {redact(message or 'It gave no reason.', secret)}",
        provider_status=status,
        code=code,
    )


def redact(text: str, secret: str) -> str:
    """Return a text without the secret, truncated to `MAX_ERROR_CHARACTERS`."""
    return (text.replace(secret, "[API key]") if secret else text)[:MAX_ERROR_CHARACTERS]


def _describe(payload: Any) -> tuple[str, str]:
    """Return the message and the code of an error body; both are empty if the body has another format."""
    if not isinstance(payload, dict):
        return "", ""
    error = payload.get("error", payload)
    if isinstance(error, str):
        return error, ""
    if not isinstance(error, dict):
        return "", ""
    message = error.get("message") or payload.get("detail") or ""
    return str(message), str(error.get("code") or error.get("type") or "")
