"""The first superuser of a database."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

from headrace.settings import Settings, SettingsError

if TYPE_CHECKING:
    from uuid import UUID

    from headrace.services.users import UserService
    from headrace.services.variables import VariableService


async def ensure_superuser(settings: Settings, user_service: UserService, variable_service: VariableService) -> None:
    """Create the superuser that the settings name if missing, and store the environment's variables for this user.

    Raises:
        SettingsError: The superuser is missing, auto login is off, and no password is set.

    """
    user = await user_service.find_user_by_name(settings.auth.superuser)
    owner: UUID = user["id"] if user is not None else await _create_superuser(settings, user_service)
    if settings.variables.store_environment_variables:
        values = {name: value for name in settings.readable_environment if (value := os.environ.get(name))}
        await variable_service.import_environment(owner, values)


async def _create_superuser(settings: Settings, user_service: UserService) -> UUID:
    password = settings.auth.superuser_password.get_secret_value() if settings.auth.superuser_password else ""
    if not password and not settings.auth.auto_login:
        raise SettingsError(
            "The server has no superuser, and auto login is off. Set LANGFLOW_SUPERUSER and LANGFLOW_SUPERUSER_PASSWORD, "
            "or run: headrace superuser"
        )
    # Auto login needs no password, so a random one keeps password logins closed.
    # Several replicas may start on an empty database at once: the first one creates the user.
    return await user_service.create_superuser_once(settings.auth.superuser, password or secrets.token_urlsafe(32))
