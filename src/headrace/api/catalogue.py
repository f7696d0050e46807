"""The body of `GET /api/v1/all`, made once and kept compressed."""

from __future__ import annotations

import gzip
import hashlib
from functools import cached_property
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from headrace.component.registry import Registry


class Catalogue:
    """Every component's node JSON, encoded at the first request."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def forget(self) -> None:
        """Make the body anew at the next request: a component has changed."""
        for name in ("plain", "compressed", "etag"):
            self.__dict__.pop(name, None)

    @cached_property
    def plain(self) -> bytes:
        """The body as JSON."""
        return orjson.dumps(self._registry.catalogue())

    @cached_property
    def compressed(self) -> bytes:
        """The body as gzip."""
        return gzip.compress(self.plain, 6, mtime=0)

    @cached_property
    def etag(self) -> str:
        """The body's mark, by which a client knows it again."""
        return f'"{hashlib.sha256(self.plain).hexdigest()[:32]}"'
