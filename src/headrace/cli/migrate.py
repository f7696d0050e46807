"""The command `headrace migrate`."""

from __future__ import annotations

import typer

from headrace.cli.options import EnvFile, read_settings


def migrate(env_file: EnvFile = None) -> None:
    """Create or update the database tables for this version."""
    from headrace.db.engine import open_engine
    from headrace.db.migrate import migrate_blocking
    from headrace.db.open_errors import explained_errors

    settings = read_settings(env_file)
    with explained_errors(settings):
        migrate_blocking(open_engine(settings))
    typer.echo("The database is up to date.")
