"""The first user of an empty database, and what the environment gives them."""

from __future__ import annotations

import asyncio
import os
import secrets
from typing import TYPE_CHECKING

from headrace.auth.passwords import hash_password
from headrace.settings import Settings, SettingsError
from headrace.starter.welcome import welcome
from headrace.store import users, variables

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from sqlalchemy.ext.asyncio import AsyncConnection

    from headrace.starter.library import Starters
    from headrace.store.secrets import VariableCipher
    from headrace.store.store import Store


async def prepare(store: Store, settings: Settings, starters: Starters | None, cipher: VariableCipher) -> None:
    """Create the first user where there is none, and keep the environment's variables for them.

    Raises:
        SettingsError: there is no user yet, auto login is off, and no password is set for the superuser.

    """
    async with store.reading() as connection:
        user = await users.by_name(connection, settings.superuser)
    owner = user["id"] if user is not None else await _create(store, settings, starters)
    if settings.store_environment_variables:
        given = {n: v for n in settings.readable_variables if (v := os.environ.get(n))}
        await keep_environment(store, owner, given, cipher)


async def _create(store: Store, settings: Settings, starters: Starters | None) -> UUID:
    password = settings.superuser_password.get_secret_value() if settings.superuser_password else ""
    if not password and not settings.auto_login:
        raise SettingsError(
            "There is no superuser yet and auto login is off. Set LANGFLOW_SUPERUSER and LANGFLOW_SUPERUSER_PASSWORD, "
            "or run: headrace superuser"
        )
    # Under auto login nobody types a password, so nobody needs to know one.
    hashed = await asyncio.to_thread(hash_password, password or secrets.token_urlsafe(32))

    async def create(connection: AsyncConnection) -> UUID:
        if (made := await users.by_name(connection, settings.superuser)) is not None:
            return made["id"]  # type: ignore[no-any-return]
        owner = await users.add(connection, settings.superuser, hashed, is_superuser=True, is_active=True)
        await welcome(connection, owner, starters)
        return owner

    return await store.write(create)


async def keep_environment(store: Store, owner: UUID, given: Mapping[str, str], cipher: VariableCipher) -> None:
    """Keep variables of the environment as the owner's credentials.

    One that came from the environment before takes its new value; one that the owner set keeps theirs.
    """
    async with store.reading() as connection:
        stored = {row["name"]: row for row in await variables.all_of(connection, owner)}
    for name, value in given.items():
        row = stored.get(name)
        if row is not None and (not row["from_environment"] or cipher.fits(value, row["value"])):
            continue

        async def keep(connection: AsyncConnection, name: str = name, value: str = value) -> None:
            encrypted = cipher.encrypt(value)
            present = await variables.named(connection, owner, name)
            if present is None:
                await variables.add(
                    connection,
                    owner,
                    name=name,
                    type_=variables.CREDENTIAL,
                    encrypted=encrypted,
                    default_fields=[],
                    from_environment=True,
                )
            elif present["from_environment"]:
                await variables.change(connection, owner, present["id"], {"value": encrypted})

        await store.write(keep)
