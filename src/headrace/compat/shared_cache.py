"""Functions by which component code uses the cache that components share."""

from __future__ import annotations

import tempfile
from typing import Any

#: A directory for files that component code can create again.
CACHE_DIR = tempfile.gettempdir()


class CacheMiss:
    """The result of a cache lookup without an entry."""


def safe_cache_get(cache: Any, key: str, default: Any = None) -> Any:
    """Return the cached value of a key, or `default` if there is none or no cache."""
    value = cache.get(key) if cache is not None else None
    return default if value is None or isinstance(value, CacheMiss) else value


def safe_cache_set(cache: Any, key: str, value: Any) -> None:
    """Store a value in the cache, if there is a cache."""
    if hasattr(cache, "set"):
        cache.set(key, value)
    elif cache is not None:
        cache[key] = value
