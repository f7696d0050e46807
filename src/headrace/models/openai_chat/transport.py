"""Send requests, with retries, timeouts and errors.

Source: https://platform.openai.com/docs/guides/error-codes and RFC 9110, section 10.2.3 (Retry-After)
"""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
import logging
import random
import time
from typing import TYPE_CHECKING, TypeVar

import httpx2

from headrace.limits.byte_budget import MODEL_RESPONSE_SETTING, ByteLimitError, current_budget
from headrace.models.openai_chat.errors import (
    ChatApiError,
    ChatConnectionError,
    ChatTimeoutError,
    error_from_response,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping

    from headrace.models.openai_chat.endpoint import Endpoint

T = TypeVar("T")

log = logging.getLogger(__name__)

FIRST_DELAY_SECONDS = 0.5
MAX_DELAY_SECONDS = 8.0
#: A request is not retried if the server requires a longer wait.
MAX_RETRY_AFTER_SECONDS = 60.0
CONNECT_TIMEOUT_SECONDS = 10.0
#: The size of the body of an error that is read, in bytes.
MAX_ERROR_BYTES = 100_000

_RETRIED_STATUSES = frozenset({408, 409, 429})
#: An exhausted quota does not recover between retries.
_FINAL_CODES = frozenset({"insufficient_quota"})


class ChatTransport:
    """Sends requests to one endpoint through an HTTP client that may be shared."""

    def __init__(self, http: httpx2.AsyncClient, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        #: Whether the server knows the option for the usage of a stream, as far as it is known.
        self.reports_usage = True
        self._http = http
        self._url = httpx2.URL(endpoint.completions_url)
        self._timeout = httpx2.Timeout(
            endpoint.timeout_seconds, connect=min(CONNECT_TIMEOUT_SECONDS, endpoint.timeout_seconds)
        )
        self._headers = httpx2.Headers({"content-type": "application/json", "accept": "application/json"})
        if endpoint.api_key:
            self._headers["authorization"] = f"Bearer {endpoint.api_key}"
        self._headers.update(endpoint.headers)

    def with_http(self, http: httpx2.AsyncClient) -> ChatTransport:
        """Return a transport to the same endpoint through another client."""
        return ChatTransport(http, self.endpoint)

    async def post(self, body: bytes) -> bytes:
        """Return the body of the answer.

        Raises:
            ChatApiError: the server answered with an error.
            ChatConnectionError: the connection failed.
            ChatTimeoutError: the server did not answer in time.

        """
        return await self._retry(lambda: self._post_once(body))

    @contextlib.asynccontextmanager
    async def stream(self, body: bytes) -> AsyncIterator[httpx2.Response]:
        """Open a streamed answer and close it at the end.

        Raises:
            ChatApiError, ChatConnectionError, ChatTimeoutError: as `post` does.

        """
        response = await self._retry(lambda: self._open(body))
        try:
            with self._translated_errors():
                yield response
        finally:
            await response.aclose()

    async def _retry(self, attempt_once: Callable[[], Awaitable[T]]) -> T:
        """Return the result of an attempt, retrying after transient failures."""
        for attempt in range(self.endpoint.max_retries):
            try:
                return await attempt_once()
            except ChatConnectionError:
                delay = _backoff_seconds(attempt)
            except ChatApiError as error:
                if not _is_transient(error):
                    raise
                retry_after = error.retry_after_seconds
                delay = _backoff_seconds(attempt) if retry_after is None else retry_after
            await asyncio.sleep(delay)
        return await attempt_once()

    async def _post_once(self, body: bytes) -> bytes:
        response = await self._open(body)
        try:
            with self._translated_errors():
                return await read_body(response)
        finally:
            await response.aclose()

    async def _open(self, body: bytes) -> httpx2.Response:
        """Return a successful answer whose body is not read yet."""
        with self._translated_errors():
            request = self._http.build_request(
                "POST", self._url, headers=self._headers, content=body, timeout=self._timeout
            )
            response = await self._http.send(request, stream=True)
            if response.is_success:
                return response
            try:
                content = await _read_start(response)
            finally:
                await response.aclose()
        raise error_from_response(
            response.status_code,
            content,
            response.headers,
            secret=self.endpoint.api_key,
            retry_after_seconds=retry_after_seconds(response.headers),
        )

    @contextlib.contextmanager
    def _translated_errors(self) -> Iterator[None]:
        """Translate errors of the HTTP client to errors of this package."""
        try:
            yield
        except (httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
            raise ChatConnectionError(
                f"The model server at {self._url.host} did not accept a connection in time. Check the base URL and the network."
            ) from error
        except httpx2.TimeoutException as error:
            raise ChatTimeoutError(
                f"The model server at {self._url.host} sent nothing for {self.endpoint.timeout_seconds:g} seconds. "
                "Increase the timeout or request a shorter answer."
            ) from error
        except httpx2.HTTPError as error:
            reason = str(error) or type(error).__name__
            # The text of the OpenAI SDK, which clients of Langflow know.
            log.warning("the connection to the model server failed: %s", reason)
            raise ChatConnectionError("Connection error.") from error


async def read_body(response: httpx2.Response) -> bytes:
    """Return the body of a response.

    Raises:
        ByteLimitError: it is larger than the responses of model servers may be.

    """
    limit = current_budget.get().limits.model_response
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.aiter_bytes():
        chunks.append(chunk)
        size += len(chunk)
        if size > limit:
            raise ByteLimitError("The response of the model server is larger", limit, MODEL_RESPONSE_SETTING)
    return b"".join(chunks)


async def _read_start(response: httpx2.Response) -> bytes:
    """Return the body of an error, or about the first `MAX_ERROR_BYTES` of a larger one."""
    content = b""
    async for chunk in response.aiter_bytes():
        content += chunk
        if len(content) > MAX_ERROR_BYTES:
            break
    return content


def _is_transient(error: ChatApiError) -> bool:
    """Return whether a retry of the request may succeed."""
    delay = error.retry_after_seconds
    if error.code in _FINAL_CODES or (delay is not None and delay > MAX_RETRY_AFTER_SECONDS):
        return False
    return error.provider_status in _RETRIED_STATUSES or error.provider_status >= 500


def _backoff_seconds(attempt: int) -> float:
    """Return the delay before the retry after `attempt` (from 0), randomized so that clients do not retry together."""
    max_delay = min(MAX_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2.0**attempt)
    return max_delay * random.uniform(0.75, 1.0)  # noqa: S311 - not a secret


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """Return the delay that the server requires, or None.

    Reads `retry-after-ms` (milliseconds) and `retry-after` (seconds or an HTTP date).
    """
    with contextlib.suppress(ValueError):
        return max(0.0, float(headers.get("retry-after-ms", "")) / 1000)
    value = headers.get("retry-after", "")
    with contextlib.suppress(ValueError):
        return max(0.0, float(value))
    date = email.utils.parsedate_tz(value)
    return None if date is None else max(0.0, email.utils.mktime_tz(date) - time.time())
