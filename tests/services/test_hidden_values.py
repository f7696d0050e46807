"""Secrets return to their places after a list was changed, and never to another place."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from headrace.services.hidden_values import restore_hidden

names = st.sampled_from([f"header-{n}" for n in range(8)])
Row = dict[str, str]


def hide(rows: list[Row]) -> list[Row]:
    return [{**row, "value": ""} for row in rows]


@st.composite
def changed_tables(draw: st.DrawFn) -> tuple[list[Row], list[Row]]:
    """Return a table with a secret per row, and its shown rows in another order, some removed, with new rows."""
    stored = [{"key": name, "value": f"secret of {name}"} for name in draw(st.lists(names, unique=True, min_size=1))]
    remaining = draw(st.permutations(hide(stored)))[draw(st.integers(0, len(stored))) :]
    added = [{"key": f"new-{n}", "value": draw(st.sampled_from(["", "own"]))} for n in range(draw(st.integers(0, 3)))]
    return stored, list(draw(st.permutations(remaining + added)))


@given(changed_tables())
def test_each_named_row_has_its_own_secret_after_any_move(case: tuple[list[Row], list[Row]]) -> None:
    stored, new = case
    by_name = {row["key"]: row for row in stored}
    assert restore_hidden(new, hide(stored), stored) == [by_name.get(row["key"], row) for row in new]


@given(
    st.lists(st.tuples(names, st.sampled_from(["secret 1", "secret 2", "secret 3"])), max_size=6),
    st.lists(st.tuples(names, st.sampled_from(["", "own"])), max_size=6),
    st.sampled_from(["table", "pairs", "arguments"]),
)
def test_no_secret_moves_to_a_row_with_another_name(
    stored: list[tuple[str, str]], new: list[tuple[str, str]], shape: str
) -> None:
    def to_list(rows: list[tuple[str, str]]) -> list[Any]:
        if shape == "table":
            return [{"key": name, "value": value} for name, value in rows]
        if shape == "pairs":
            return [list(row) for row in rows]
        return [part for row in rows for part in row]

    def to_rows(items: list[Any]) -> list[tuple[str, str]]:
        if shape == "table":
            return [(item["key"], item["value"]) for item in items]
        if shape == "pairs":
            return [(item[0], item[1]) for item in items]
        return list(zip(items[::2], items[1::2], strict=True))

    shown = [(name, "") for name, _ in stored]
    restored = to_rows(restore_hidden(to_list(new), to_list(shown), to_list(stored)))
    for (name, value), (_, sent) in zip(restored, new, strict=True):
        assert value == sent or (sent == "" and (name, value) in stored), (restored, stored, new)


@given(st.lists(names, unique=True, min_size=1), st.data())
def test_the_secret_of_an_argument_follows_its_option(options: list[str], data: st.DataObject) -> None:
    stored = [part for name in options for part in (f"--{name}", f"secret of {name}")]
    shown = [part for name in options for part in (f"--{name}", "")]
    remaining = data.draw(st.permutations(options))[data.draw(st.integers(0, len(options))) :]
    new = ["--verbose", *(part for name in remaining for part in (f"--{name}", "")), "--quiet"]
    expected = ["--verbose", *(part for name in remaining for part in (f"--{name}", f"secret of {name}")), "--quiet"]
    assert restore_hidden(new, shown, stored) == expected


def test_an_unnamed_object_that_is_changed_in_place_keeps_its_secret() -> None:
    stored = [{"token": "one", "timeout": 1}, {"token": "two", "timeout": 2}]
    shown = [{"token": "", "timeout": 1}, {"token": "", "timeout": 2}]
    new = [{"token": "", "timeout": 1}, {"token": "", "timeout": 9}]
    assert restore_hidden(new, shown, stored) == [stored[0], {"token": "two", "timeout": 9}]


def test_a_secret_among_rows_that_look_the_same_stays_empty_if_one_is_removed() -> None:
    stored = [{"value": "one"}, {"value": "two"}, {"value": "three"}]
    shown: list[Any] = [{"value": ""}] * 3
    new = [{"value": "new"}, {"value": ""}]
    assert restore_hidden(new, shown, stored) == new
    assert restore_hidden([{"value": ""}], shown, [{"value": "same"}] * 3) == [{"value": "same"}]
