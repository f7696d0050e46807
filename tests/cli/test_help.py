"""The help of each command: complete, with the defaults in brackets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import cast

import click
import pytest
import typer.main
from typer.testing import CliRunner

from headrace.cli import app


def _commands(path: tuple[str, ...], command: click.Command) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, command
    # Typer's groups are not instances of `click.Group`.
    for name, child in getattr(command, "commands", {}).items():
        yield from _commands((*path, name), child)


COMMANDS = dict(_commands((), cast("click.Command", typer.main.get_command(app))))


def _help(path: tuple[str, ...]) -> str:
    result = CliRunner().invoke(app, [*path, "--help"], terminal_width=200)
    assert result.exit_code == 0
    return re.sub(r"\s+", " ", result.output)


@pytest.mark.parametrize("path", COMMANDS, ids=lambda path: " ".join(path) or "headrace")
def test_the_help_contains_every_description_as_it_is_written(path: tuple[str, ...]) -> None:
    shown = _help(path)
    for parameter in COMMANDS[path].params:
        if getattr(parameter, "hidden", False) or parameter.name == "help":
            continue
        description = getattr(parameter, "help", None)
        assert description, f"{parameter.name} has no description"
        assert re.sub(r"\s+", " ", description) in shown
        assert description.endswith((".", "]."))


def test_the_help_shows_defaults_in_brackets() -> None:
    assert "Name of the key's owner [the first superuser]." in _help(("api-key",))
    assert "Address to listen on [127.0.0.1]." in _help(("run",))
