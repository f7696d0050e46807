"""The errors that headrace raises on purpose: a root class and one kind per HTTP status.

A class carries its status, so that no other module maps errors to statuses. Each layer derives its own errors from one of
these kinds, or from `HeadraceError` for a failure inside the server (500).
"""

from __future__ import annotations

from typing import ClassVar


class HeadraceError(Exception):
    """An error whose message is safe to show to the caller: it names the thing, the problem and the remedy."""

    #: The HTTP status of a response to a request that failed with this error.
    status_code: ClassVar[int] = 500

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    @property
    def detail(self) -> object:
        """Return the JSON value of `detail` in the response body."""
        return self.message

    @property
    def headers(self) -> dict[str, str] | None:
        """Return the additional headers of the response, if any."""
        return None


class BadRequestError(HeadraceError):
    """A request is invalid, regardless of who sends it."""

    status_code = 400


class UnauthorizedError(HeadraceError):
    """The credentials of a request are not valid."""

    status_code = 401


class ForbiddenError(HeadraceError):
    """The caller lacks the right to do this."""

    status_code = 403


class NotFoundError(HeadraceError):
    """The caller owns no object with this id or name."""

    status_code = 404


class ConflictError(HeadraceError):
    """A request conflicts with another object or with a concurrent change."""

    status_code = 409


class ContentTooLargeError(HeadraceError):
    """A body or a file exceeds its size limit."""

    status_code = 413


class UnsupportedMediaTypeError(HeadraceError):
    """A file has another media type than the operation needs."""

    status_code = 415


class UnprocessableError(HeadraceError):
    """A request is well-formed, but one of its values is not acceptable."""

    status_code = 422


class RetryLaterError(HeadraceError):
    """A limit on rate or concurrency is reached. The response carries `Retry-After`."""

    status_code = 429

    def __init__(self, message: str, seconds: int) -> None:
        super().__init__(message)
        self.retry_after = seconds

    @property
    def headers(self) -> dict[str, str] | None:
        """Return `Retry-After` in seconds (RFC 9110, section 10.2.3)."""
        return {"Retry-After": str(self.retry_after)}


class ServerBusyError(RetryLaterError):
    """A resource that all callers share is exhausted for the moment. The response carries `Retry-After`."""

    status_code = 503


class FeatureDisabledError(HeadraceError):
    """The operator has not enabled this feature."""

    status_code = 501


class BadGatewayError(HeadraceError):
    """A service that the server calls failed or returned an invalid response."""

    status_code = 502


class UnavailableError(HeadraceError):
    """A part that the request needs, such as the database, does not respond at the moment."""

    status_code = 503


class TimeLimitError(HeadraceError):
    """An operation exceeded its time limit."""

    status_code = 504


class InsufficientStorageError(HeadraceError):
    """A disk or a storage service has no space left."""

    status_code = 507
