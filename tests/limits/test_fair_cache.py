"""A cache that its owners share."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from headrace.limits.fair_cache import ENTRY_BYTES, FairCache


def test_an_owner_who_stores_much_displaces_only_the_own_entries() -> None:
    cache: FairCache[str, str] = FairCache(100_000)
    cache.put("bob's", "small", owner="bob", size=10_000)
    for number in range(1000):
        cache.put(f"mallory's {number}", "large", owner="mallory", size=10_000)
    assert cache.get("bob's") == "small"
    assert cache.get("mallory's 999") == "large"
    assert cache.get("mallory's 0") is None


def test_the_least_recently_used_entry_of_an_owner_is_dropped_first() -> None:
    cache: FairCache[str, int] = FairCache(3 * (1000 + ENTRY_BYTES))
    for key in "abc":
        cache.put(key, 1, owner="bob", size=1000)
    cache.get("a")
    cache.put("d", 1, owner="bob", size=1000)
    assert [cache.get(key) for key in "abcd"] == [1, None, 1, 1]


def test_a_value_that_is_larger_than_the_cache_is_not_stored() -> None:
    cache: FairCache[str, int] = FairCache(10_000)
    cache.put("a", 1, owner="bob", size=1000)
    cache.put("b", 1, owner="bob", size=20_000)
    assert (cache.get("a"), cache.get("b")) == (1, None)


@given(
    st.lists(
        st.tuples(st.sampled_from("abcdefgh"), st.sampled_from(["ann", "ben"]), st.integers(0, 5000), st.booleans()),
        max_size=100,
    )
)
def test_the_size_is_that_of_the_entries_and_never_above_the_maximum(steps: list[tuple[str, str, int, bool]]) -> None:
    cache: FairCache[str, int] = FairCache(12_000)
    for key, owner, size, is_removed in steps:
        if is_removed:
            cache.remove(key)
        else:
            cache.put(key, size, owner=owner, size=size)
        values = [cache.get(key) for key in "abcdefgh"]
        assert cache.size == sum(value + ENTRY_BYTES for value in values if value is not None) <= cache.max_bytes
    cache.clear()
    assert cache.size == 0
