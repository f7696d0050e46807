"""A cache with a maximum size in bytes that its owners share."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

#: An entry counts at least this much, in bytes, so that small ones are limited in number.
ENTRY_BYTES = 500


@dataclass(frozen=True, slots=True)
class _Entry(Generic[V]):
    value: V
    owner: Hashable
    size: int


class FairCache(Generic[K, V]):
    """A least recently used cache. Beyond its size, the owner with the most bytes loses entries.

    An owner who stores much therefore displaces the own entries, and those of others only while they take more.
    """

    def __init__(self, max_bytes: int) -> None:
        """Create an empty cache.

        Args:
            max_bytes: the maximum size of all entries; 0 stores none.

        """
        self.max_bytes = max_bytes
        self._size = 0
        self._entries: dict[K, _Entry[V]] = {}
        #: The keys of each owner, the least recently used first.
        self._keys: dict[Hashable, OrderedDict[K, None]] = {}
        self._sizes: dict[Hashable, int] = {}

    @property
    def size(self) -> int:
        """The size of all entries in bytes."""
        return self._size

    def get(self, key: K) -> V | None:
        """Return the value of a key, or None."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        self._keys[entry.owner].move_to_end(key)
        return entry.value

    def put(self, key: K, value: V, *, owner: Hashable, size: int) -> None:
        """Store a value of about `size` bytes. A value that is larger than the cache is not stored."""
        self.remove(key)
        size += ENTRY_BYTES
        if size > self.max_bytes:
            return
        self._entries[key] = _Entry(value, owner, size)
        self._keys.setdefault(owner, OrderedDict())[key] = None
        self._sizes[owner] = self._sizes.get(owner, 0) + size
        self._size += size
        while self._size > self.max_bytes:
            largest = max(self._sizes, key=self._sizes.__getitem__)
            self.remove(next(iter(self._keys[largest])))

    def remove(self, key: K) -> None:
        """Remove the value of a key, if there is one."""
        entry = self._entries.pop(key, None)
        if entry is None:
            return
        self._size -= entry.size
        self._sizes[entry.owner] -= entry.size
        keys = self._keys[entry.owner]
        del keys[key]
        if not keys:
            del self._keys[entry.owner], self._sizes[entry.owner]

    def clear(self) -> None:
        """Remove all values."""
        self._entries.clear()
        self._keys.clear()
        self._sizes.clear()
        self._size = 0
