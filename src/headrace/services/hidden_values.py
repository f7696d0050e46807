"""Restore secrets in a value that was shown without them and then changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from itertools import pairwise
from typing import Any

import orjson

#: The fields that identify an object in a list: ids of nodes and edges, names of headers and variables.
_IDENTITY_FIELDS = ("id", "key", "name", "header", "variable")


def restore_hidden(new: Any, shown: Any, stored: Any) -> Any:
    """Return a changed value in which each part that equals the one that was shown is the stored one, such as a secret.

    Items of lists may be moved, inserted, removed and changed. An item of the new list is an item of the shown list if both
    are the only ones in their lists with the same id or name, with the same content after the same item, or (not texts) with
    the same content; unnamed objects of a list of the same length may be changed in place. Otherwise its secrets stay empty: a secret never moves to an item that may be another one.

    Args:
        new: the value that was read.
        shown: the value that was written, without secrets.
        stored: the value that `shown` was made from.

    """
    if new == shown:
        return stored
    if isinstance(new, dict) and isinstance(shown, dict) and isinstance(stored, dict):
        return {
            key: restore_hidden(value, shown[key], stored[key]) if key in shown and key in stored else value
            for key, value in new.items()
        }
    if isinstance(new, list) and isinstance(shown, list) and isinstance(stored, list) and len(shown) == len(stored):
        origins = _find_origins(new, shown, stored)
        return [
            restore_hidden(item, shown[origins[i]], stored[origins[i]]) if i in origins else item
            for i, item in enumerate(new)
        ]
    return new


def _find_origins(new: list[Any], shown: list[Any], stored: list[Any]) -> dict[int, int]:
    """Return the position in `shown` of each item of `new` that was there."""
    new_contents, shown_contents = [_encode(item) for item in new], [_encode(item) for item in shown]
    # A hidden text looks like any other: only its place identifies it.
    new_objects = [
        content if isinstance(item, dict | list) else None for item, content in zip(new, new_contents, strict=True)
    ]
    shown_objects = [
        content if isinstance(item, dict | list) else None for item, content in zip(shown, shown_contents, strict=True)
    ]
    identities: list[tuple[Sequence[Hashable], Sequence[Hashable]]] = [
        ([_name_of(item) for item in new], [_name_of(item) for item in shown]),
        (list(pairwise([None, *new_contents])), list(pairwise([None, *shown_contents]))),
        (new_objects, shown_objects),
    ]
    origins: dict[int, int] = {}
    for new_identities, shown_identities in identities:
        positions, candidates = _positions(new_identities), _positions(shown_identities)
        for identity, found in positions.items():
            if len(found) == len(candidates.get(identity, ())) == 1:
                origins.setdefault(found[0], candidates[identity][0])
    shown_positions = _positions(shown_objects)
    for content, found in _positions(new_objects).items():
        alike = shown_positions.get(content, [])
        if alike and all(stored[i] == stored[alike[0]] for i in alike):
            for i in found:
                origins.setdefault(i, alike[0])
    if len(new) == len(shown):
        used = set(origins.values())
        for i, (item, before) in enumerate(zip(new, shown, strict=True)):
            is_unnamed = _name_of(item) is None and _name_of(before) is None
            if is_unnamed and isinstance(item, dict) and i not in used:
                # An object that was changed in place.
                origins.setdefault(i, i)
    return origins


def _name_of(item: Any) -> Hashable:
    if not isinstance(item, dict):
        return None
    return next(((f, item[f]) for f in _IDENTITY_FIELDS if isinstance(item.get(f), str) and item[f]), None)


def _positions(identities: Sequence[Hashable]) -> dict[Hashable, list[int]]:
    positions: dict[Hashable, list[int]] = defaultdict(list)
    for i, identity in enumerate(identities):
        if identity is not None:
            positions[identity].append(i)
    return positions


def _encode(item: Any) -> bytes:
    return orjson.dumps(item, option=orjson.OPT_SORT_KEYS)
