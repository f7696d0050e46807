"""Assemble the commands of `headrace`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from headrace import __version__
from headrace.cli import approvals, components
from headrace.cli.api_key import create_api_key
from headrace.cli.exec_flow import exec_flow
from headrace.cli.mcp import serve_flow_files
from headrace.cli.migrate import migrate
from headrace.cli.run import run
from headrace.cli.superuser import superuser
from headrace.errors import HeadraceError

app = typer.Typer(
    help="headrace runs LLM flows and serves the Langflow 1.7 API.",
    no_args_is_help=True,
    add_completion=False,
    # As markup, the defaults in brackets would not be displayed.
    rich_markup_mode=None,
    # Typer's tracebacks display the values of local variables.
    pretty_exceptions_enable=False,
)
app.command("run")(run)
app.command("exec")(exec_flow)
app.command("mcp")(serve_flow_files)
app.command("migrate")(migrate)
app.command("superuser")(superuser)
app.command("api-key")(create_api_key)
app.add_typer(approvals.app, name="approvals")
app.add_typer(components.app, name="components")


@app.callback(invoke_without_command=True)
def _root(*, version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False) -> None:
    if version:
        typer.echo(f"headrace {__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command line. Print an expected error as one line, without a traceback, and exit with status 1."""
    try:
        app()
    except HeadraceError as error:
        typer.secho(error.message, err=True, fg="red")
        sys.exit(1)
