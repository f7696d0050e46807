"""Read the options and settings that commands share."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headrace.settings import Settings, SettingsError, load_settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from headrace.db.database import Database

EnvFile = Annotated[
    Path | None,
    typer.Option(help="File with a line NAME=value per setting. Environment variables take precedence over it."),
]


def read_settings(env_file: Path | None, **options: object) -> Settings:
    """Return the settings from the command line, the environment and the env file, in this order of precedence.

    All of them are copied to the environment, because worker processes and model providers read their settings there.

    Args:
        env_file: File with a line `NAME=value` per setting.
        options: Command line options by environment variable; None means that the option was not used.

    Raises:
        SettingsError: The env file is missing, or a setting is not valid.

    """
    if env_file is not None:
        from dotenv import dotenv_values

        if not env_file.is_file():
            raise SettingsError(f"The env file {env_file} does not exist. Check the path.")
        for name, value in dotenv_values(env_file).items():
            os.environ.setdefault(name, value or "")
    os.environ.update({name: str(value) for name, value in options.items() if value is not None})
    return load_settings()


@asynccontextmanager
async def open_database(settings: Settings) -> AsyncIterator[Database]:
    """Open the configured database, and close it at the end of the block."""
    from headrace.db.database import Database

    database = Database(settings)
    await database.open()
    try:
        yield database
    finally:
        await database.close()
