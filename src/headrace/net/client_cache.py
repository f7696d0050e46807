"""A cache of protocol clients, such as those of chat models, that share one HTTP client."""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any, TypeVar

from cachetools import LRUCache

if TYPE_CHECKING:
    import httpx2

#: The maximum number of clients in memory, a few kilobytes each: one per model, options and API key in use.
MAX_CLIENTS = 512
#: The time limit of requests that set no limit.
DEFAULT_TIMEOUT_SECONDS = 700.0

C = TypeVar("C")


class ClientCache:
    """Clients by key. Keys may contain API keys: `repr` does not show them."""

    def __init__(self, open_http: Callable[[float], httpx2.AsyncClient]) -> None:
        """Create an empty cache.

        Args:
            open_http: returns an HTTP client with a timeout in seconds.

        """
        self._open_http = open_http
        self._clients: LRUCache[Hashable, Any] = LRUCache(MAX_CLIENTS)

    @functools.cached_property
    def http(self) -> httpx2.AsyncClient:
        """Return the HTTP client that all clients share."""
        return self._open_http(DEFAULT_TIMEOUT_SECONDS)

    def get(self, key: Hashable, create: Callable[[httpx2.AsyncClient], C]) -> C:
        """Return the client of a key, creating it on first use."""
        client: C | None = self._clients.get(key)
        if client is None:
            client = self._clients[key] = create(self.http)
        return client

    def __repr__(self) -> str:
        return f"ClientCache({len(self._clients)} clients)"
