"""Limits on the size of request bodies, and on the memory that concurrent bodies take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from headrace.api.http.body_budget import BodyBudget
from headrace.api.http.client_address import client_address
from headrace.api.http.error_body import headrace_error_json
from headrace.api.http.root_path import route_path
from headrace.errors import ContentTooLargeError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from headrace.settings import ServerSettings, StorageSettings

#: The first bytes of a body do not count towards the budget. Nearly all bodies are smaller and cost nothing to count.
UNCOUNTED_BYTES = 16 << 10

#: Paths of uploads, which have their own size limit; a path that ends with a slash is a prefix.
UPLOAD_PATHS = ("/api/v1/files/upload/", "/api/v1/upload/", "/api/v2/files", "/v1/files", "/api/v1/files")
#: The prefix of the paths of webhooks, whose payloads are larger than the bodies of other public routes.
WEBHOOK_PATH = "/api/v1/webhook/"
#: The maximum size of a multipart body beyond its file, in bytes.
MAX_MULTIPART_OVERHEAD_BYTES = 1 << 20

MAX_REQUEST_BYTES_SETTING = "HEADRACE_MAX_REQUEST_BYTES"


class BodyTooLargeError(ContentTooLargeError):
    """The body exceeds the size limit."""

    def __init__(self, limit: int, setting: str = MAX_REQUEST_BYTES_SETTING) -> None:
        super().__init__(f"The request's body is larger than {limit} bytes. An operator can raise {setting}.")

    @property
    def headers(self) -> dict[str, str]:
        """Return the headers of the response; the rest of the body is not read."""
        return {"connection": "close"}


@dataclass(frozen=True, slots=True)
class BodyLimit:
    """The maximum size of a body in bytes, and the setting that raises it."""

    max_bytes: int
    setting: str


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """The limits by kind of request.

    Attributes:
        authenticated: for requests with valid credentials.
        anonymous: for requests to public routes.
        public_paths: for some public routes, by prefix of the path.
        streaming_paths: for uploads, whose body is stored as it arrives; a path that ends with a slash is a prefix.

    """

    authenticated: BodyLimit
    anonymous: BodyLimit
    public_paths: Mapping[str, BodyLimit]
    streaming_paths: Mapping[str, BodyLimit]

    def streaming(self, scope: Scope) -> BodyLimit | None:
        """Return the limit of an upload, or None for other requests."""
        if scope["method"] != "POST":
            return None
        path = route_path(scope)
        for upload, limit in self.streaming_paths.items():
            if path.startswith(upload) if upload.endswith("/") else path.rstrip("/") == upload:
                return limit
        return None

    def public(self, scope: Scope) -> BodyLimit:
        """Return the limit of a request to a public route."""
        path = route_path(scope)
        return next((limit for p, limit in self.public_paths.items() if path.startswith(p)), self.anonymous)


def request_limits(server: ServerSettings, storage: StorageSettings) -> BodyLimits:
    """Return the limits that the settings define."""
    upload = BodyLimit(storage.max_upload_bytes + MAX_MULTIPART_OVERHEAD_BYTES, "LANGFLOW_MAX_FILE_SIZE_UPLOAD")
    return BodyLimits(
        authenticated=BodyLimit(server.max_request_bytes, MAX_REQUEST_BYTES_SETTING),
        anonymous=BodyLimit(server.max_anonymous_request_bytes, "HEADRACE_MAX_ANONYMOUS_REQUEST_BYTES"),
        public_paths={WEBHOOK_PATH: BodyLimit(server.max_webhook_bytes, "HEADRACE_MAX_WEBHOOK_BYTES")},
        streaming_paths=dict.fromkeys(UPLOAD_PATHS, upload),
    )


class BodyLimitMiddleware:
    """ASGI middleware that rejects a request as soon as its body exceeds a limit.

    It runs inside authentication, so that the size that a request may have depends on its credentials.
    """

    def __init__(self, app: ASGIApp, limits: BodyLimits, budget: BodyBudget) -> None:
        """Create the middleware.

        Args:
            app: the application to protect.
            limits: the limits on single bodies.
            budget: the limit on the sum of all bodies in memory.

        """
        self._app = app
        self._limits = limits
        self._budget = budget

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, counting the bytes of its body."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_anonymous = "user" not in scope.get("state", ())
        streaming = None if is_anonymous else self._limits.streaming(scope)
        limit = self._limits.public(scope) if is_anonymous else streaming or self._limits.authenticated
        declared = next((v for k, v in scope["headers"] if k == b"content-length"), b"0")
        if declared.isdigit() and int(declared) > limit.max_bytes:
            await _reject(scope, receive, send, BodyTooLargeError(limit.max_bytes, limit.setting))
            return
        body = _CountedBody(scope, receive, limit, self._budget, is_anonymous=is_anonymous, streams=bool(streaming))
        try:
            await self._app(scope, body.receive, send)
        finally:
            if body.reserved:
                body.release()


class _CountedBody:
    """The body of a request, counted as it arrives.

    A body that is read into memory counts until the request ends; of one that is stored as it arrives, only the largest
    chunk counts.
    """

    __slots__ = ("_budget", "_is_anonymous", "_limit", "_receive", "_received", "_scope", "_streams", "reserved")

    def __init__(
        self, scope: Scope, receive: Receive, limit: BodyLimit, budget: BodyBudget, *, is_anonymous: bool, streams: bool
    ) -> None:
        self._scope = scope
        self._receive = receive
        self._limit = limit
        self._budget = budget
        self._is_anonymous = is_anonymous
        self._streams = streams
        self._received = 0
        self.reserved = 0

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            size = len(message.get("body", b""))
            self._received += size
            if self._received > self._limit.max_bytes:
                raise BodyTooLargeError(self._limit.max_bytes, self._limit.setting)
            in_memory = (size if self._streams else self._received) - UNCOUNTED_BYTES
            if in_memory > self.reserved:
                self._reserve(in_memory - self.reserved)
        return message

    def _reserve(self, size: int) -> None:
        self._budget.reserve(size, client_address(self._scope), is_anonymous=self._is_anonymous)
        self.reserved += size

    def release(self) -> None:
        self._budget.release(self.reserved, client_address(self._scope), is_anonymous=self._is_anonymous)
        self.reserved = 0


async def _reject(scope: Scope, receive: Receive, send: Send, error: BodyTooLargeError) -> None:
    await headrace_error_json(scope, error, error.message)(scope, receive, send)
