"""The lookup cache: one load per miss, and nothing outdated after a change."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from headrace.db.changes import Change, ChangeFeed, Topic
from headrace.db.lookup_cache import LookupCache

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Source:
    """Counts loads, and holds each until it is released."""

    def __init__(self, value: str | None) -> None:
        self.value = value
        self.loads = 0
        self.started = asyncio.Event()
        self.released = asyncio.Event()

    async def load(self) -> str | None:
        self.loads += 1
        value = self.value
        self.started.set()
        await self.released.wait()
        return value


def flow_cache(feed: ChangeFeed) -> LookupCache[str, str]:
    return LookupCache(feed, depends_on=lambda key, _value: [Change(Topic.FLOW, key)], max_entries=2)


async def test_concurrent_misses_share_one_load() -> None:
    cache, source = flow_cache(ChangeFeed()), Source("a")
    source.released.set()
    assert await asyncio.gather(*(cache.get("f", source.load) for _ in range(50))) == ["a"] * 50
    assert await cache.get("f", source.load) == "a"
    assert source.loads == 1


async def test_a_change_drops_only_the_entries_that_depend_on_it() -> None:
    feed = ChangeFeed()
    cache, first, second = flow_cache(feed), Source("a"), Source("b")
    first.released.set()
    second.released.set()
    await cache.get("f", first.load)
    await cache.get("g", second.load)
    feed.deliver([Change(Topic.FLOW, "f"), Change(Topic.USER, "g")])
    await cache.get("f", first.load)
    await cache.get("g", second.load)
    assert (first.loads, second.loads) == (2, 1)


async def test_a_value_loaded_during_a_change_is_neither_stored_nor_shared_with_later_callers() -> None:
    feed = ChangeFeed()
    cache, before, after = flow_cache(feed), Source("old"), Source("new")
    early = asyncio.create_task(cache.get("f", before.load))
    await before.started.wait()
    feed.deliver([Change(Topic.FLOW, "f")])
    late = asyncio.create_task(cache.get("f", after.load))
    await after.started.wait()
    before.released.set()
    assert await early == "old"
    after.released.set()
    assert await late == "new"
    assert await cache.get("f", before.load) == "new"


async def test_a_cancelled_caller_does_not_cancel_the_load_of_others() -> None:
    cache, source = flow_cache(ChangeFeed()), Source("a")
    first, second = (asyncio.create_task(cache.get("f", source.load)) for _ in range(2))
    await source.started.wait()
    first.cancel()
    source.released.set()
    assert await second == "a"
    assert source.loads == 1


async def test_an_error_or_a_missing_value_is_loaded_again() -> None:
    cache, source = flow_cache(ChangeFeed()), Source(None)
    source.released.set()

    async def fail() -> str:
        raise OSError("down")

    with pytest.raises(OSError, match="down"):
        await cache.get("f", fail)
    assert await cache.get("f", source.load) is None
    source.value = "a"
    assert await cache.get("f", source.load) == "a"


async def test_an_entry_ends_with_its_own_expiry() -> None:
    cache: LookupCache[str, str] = LookupCache(
        ChangeFeed(),
        depends_on=lambda _key, _value: [],
        max_entries=2,
        expires_at=lambda value: datetime.now(UTC) + timedelta(days=1 if value == "valid" else -1),
    )
    valid, expired = Source("valid"), Source("expired")
    for source in (valid, expired):
        source.released.set()
        for _ in range(2):
            await cache.get(str(source.value), source.load)
    assert (valid.loads, expired.loads) == (1, 2)


async def test_the_least_recently_used_entry_is_dropped_beyond_the_limit() -> None:
    cache, source = flow_cache(ChangeFeed()), Source("a")
    source.released.set()
    for key in ("f", "g", "h", "f"):
        await cache.get(key, source.load)
    assert source.loads == 4
