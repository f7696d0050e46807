"""The response of `GET /api/v1/all`: encoded once, and cached in compressed form."""

from __future__ import annotations

import gzip
import hashlib
from functools import cached_property
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from headrace.component.registry import Registry


class ComponentCatalog:
    """The node JSON of every component, encoded on the first request."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def invalidate(self) -> None:
        """Discard the encoded response after a component was changed."""
        for name in ("plain", "compressed", "etag"):
            self.__dict__.pop(name, None)

    @cached_property
    def plain(self) -> bytes:
        """The response as JSON."""
        return orjson.dumps(self._registry.catalog())

    @cached_property
    def compressed(self) -> bytes:
        """The response as JSON, compressed with gzip."""
        return gzip.compress(self.plain, 6, mtime=0)

    @cached_property
    def etag(self) -> str:
        """The entity tag of the response."""
        return f'"{hashlib.sha256(self.plain).hexdigest()[:32]}"'
