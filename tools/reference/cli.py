"""Generate the reference of the command line from the typer application."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import click
import typer.main

from headrace.cli import app
from tools.reference.markdown import first_paragraph, format_table


def command_reference() -> str:
    """Return a section for each command and subcommand, with a table of its arguments and options."""
    group = cast("click.Group", typer.main.get_command(app))
    return "\n".join(_sections("", group))


def _sections(prefix: str, group: click.Group) -> Iterator[str]:
    for name, command in group.commands.items():
        yield _command_section(prefix + name, command)
        # Typer's groups are not instances of `click.Group`.
        if hasattr(command, "commands"):
            yield from _sections(f"{prefix}{name} ", cast("click.Group", command))


def _command_section(name: str, command: click.Command) -> str:
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    usage = " ".join(["headrace", name, *(f"{a.name}".upper() for a in arguments)])
    rows = [
        (_parameter_names(p), _default(p), getattr(p, "help", None) or "")
        for p in command.params
        if not getattr(p, "hidden", False)
    ]
    table = "\n" + format_table(("option", "default", "description"), rows) if rows else ""
    return f"## `{usage}`\n\n{first_paragraph(command.help)}\n{table}"


def _parameter_names(parameter: click.Parameter) -> str:
    if parameter.param_type_name == "argument":
        return f"`{parameter.name}`".upper()
    return ", ".join(f"`{name}`" for name in [*parameter.opts, *parameter.secondary_opts])


def _default(parameter: click.Parameter) -> str:
    value = parameter.default
    if parameter.param_type_name == "argument" or value is None or value == "" or callable(value):
        return ""
    return f"`{getattr(value, 'value', value)}`"
