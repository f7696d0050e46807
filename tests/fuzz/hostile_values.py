"""Values and mutations of JSON that break careless servers."""

from __future__ import annotations

import copy
import random
from typing import Any

#: Numbers of containers within each other, around the limits of JSON libraries.
_DEPTHS = (20, 100, 120, 200, 245, 250, 251, 252, 253, 254, 400, 900)


def hostile_value(chance: random.Random) -> Any:
    """Return a value that a field does not expect."""
    nested: Any = 0
    for _ in range(chance.choice(_DEPTHS)):
        nested = [nested] if chance.random() < 0.5 else {"a": nested}
    return chance.choice(
        [
            None,
            True,
            -1,
            0,
            2**63,
            2**200,
            1e308,
            "",
            "x" * chance.choice([1, 300, 70_000]),
            "\u202e\ufeff\ud7ff",
            "{" * 5000,
            "{a}" * 5000,
            "(a+)+$",
            "../../../../etc/passwd",
            "http://127.0.0.1:5432/",
            "http://[::ffff:169.254.169.254]/",
            "'; DROP TABLE flow; --",
            "{{7*7}}${7*7}<script>",
            [],
            {},
            [[]] * 500,
            {str(i): i for i in range(500)},
            nested,
        ]
    )


def mutate(value: Any, chance: random.Random, mutations: int) -> Any:
    """Return a copy of JSON with random changes."""
    mutant = copy.deepcopy(value)
    for _ in range(mutations):
        parent, key = _random_place(mutant, chance)
        if parent is None:
            return hostile_value(chance)
        _change(parent, key, mutant, chance)
    return mutant


def _change(parent: Any, key: Any, root: Any, chance: random.Random) -> None:
    action = chance.randrange(5)
    if action == 0:
        del parent[key]
    elif action == 1 and isinstance(parent, list):
        parent.extend(copy.deepcopy(parent[key]) for _ in range(chance.choice([1, 50])))
    elif action == 2:
        other, other_key = _random_place(root, chance)
        if other is not None:
            parent[key] = copy.deepcopy(other[other_key])
    else:
        parent[key] = hostile_value(chance)


def _random_place(root: Any, chance: random.Random) -> tuple[Any, Any]:
    """Return a container in `root` and one of its keys; None and None if there is none."""
    place: tuple[Any, Any] = (None, None)
    current = root
    while isinstance(current, (dict, list)) and current:
        key = chance.choice(list(current)) if isinstance(current, dict) else chance.randrange(len(current))
        place = (current, key)
        if chance.random() < 0.15:
            return place
        current = current[key]
    return place
