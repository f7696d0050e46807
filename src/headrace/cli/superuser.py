"""The command `headrace superuser`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from headrace.cli.options import EnvFile, open_database, read_settings
from headrace.settings import SettingsError

if TYPE_CHECKING:
    from headrace.settings import Settings


def superuser(
    username: Annotated[str, typer.Option(prompt=True, help="Name of the superuser.")],
    password: Annotated[
        str, typer.Option(prompt=True, hide_input=True, confirmation_prompt=True, help="Password of the superuser.")
    ],
    env_file: EnvFile = None,
) -> None:
    """Create a superuser, or make an existing user a superuser with a new password."""
    settings = read_settings(env_file)
    if not settings.auth.enable_superuser_cli:
        raise SettingsError(
            "LANGFLOW_ENABLE_SUPERUSER_CLI is false, so this command is disabled. Set it to true to create a superuser."
        )
    if not username or not password:
        raise SettingsError("The name and the password of a superuser must not be empty.")
    asyncio.run(_create_or_update(settings, username, password))
    typer.echo(f"{username} is a superuser.")


async def _create_or_update(settings: Settings, username: str, password: str) -> None:
    import headrace.components
    from headrace.auth.password_check import PasswordCheck
    from headrace.component.registry import Registry
    from headrace.services.starter_flows import StarterFlows
    from headrace.services.users import UserService

    with_starters = settings.editor.create_starter_projects
    starters = StarterFlows(Registry.from_package(headrace.components)) if with_starters else None
    async with open_database(settings) as database:
        await UserService(database, starters, PasswordCheck.from_settings(settings.auth)).set_superuser(
            username, password
        )
