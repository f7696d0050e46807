"""The command `headrace api-key`."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from headrace.cli.options import EnvFile, open_database, read_settings
from headrace.settings import SettingsError

if TYPE_CHECKING:
    from headrace.settings import Settings


def create_api_key(
    username: Annotated[str | None, typer.Option(help="Name of the key's owner [the first superuser].")] = None,
    name: Annotated[str, typer.Option(help="Name of the key.")] = "command line",
    days: Annotated[int | None, typer.Option(min=1, max=36500, help="Lifetime in days [unlimited].")] = None,
    env_file: EnvFile = None,
) -> None:
    """Create an API key for a user and print it. The key cannot be displayed again."""
    settings = read_settings(env_file)
    typer.echo(asyncio.run(_create(settings, username or settings.auth.superuser, name, days)))


async def _create(settings: Settings, username: str, name: str, days: int | None) -> str:
    from headrace.auth.password_check import PasswordCheck
    from headrace.services.api_keys import ApiKeyService
    from headrace.services.users import UserService

    expires_at = datetime.now(UTC) + timedelta(days=days) if days is not None else None
    async with open_database(settings) as database:
        user = await UserService(database, None, PasswordCheck.from_settings(settings.auth)).find_user_by_name(username)
        if user is None:
            raise SettingsError(f"User {username!r} does not exist. Start the server once, or run: headrace superuser")
        created = await ApiKeyService(database, max_keys=settings.limits.max_api_keys).create_api_key(
            user["id"], name, expires_at
        )
    return created.key
