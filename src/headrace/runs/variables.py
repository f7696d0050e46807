"""The variables of a run: its own, its owner's, and those of the server's environment."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from headrace.errors import ForbiddenError
from headrace.runs.environment import MissingVariableError, NotSecretFieldError

if TYPE_CHECKING:
    from headrace.component.environment_secret import EnvironmentSecret
    from headrace.db.variable_lookup import StoredVariable
    from headrace.runs.context import RunScope
    from headrace.runs.services import RunServices


class PublicCredentialError(ForbiddenError):
    """A field that is not secret names a credential, in a run of an anonymous caller."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The variable {name!r} is a credential, and the field that names it is not secret. Anonymous callers of public links "
            "and open webhooks could see it. Use it in a secret field, or change the variable's type to Generic."
        )


class RunVariables:
    """Looks up the variables of one run."""

    def __init__(self, services: RunServices, scope: RunScope) -> None:
        """Create the lookup.

        Args:
            services: the stored variables, the environment and the users who may use it.
            scope: the run's owner, origin and own variables.

        """
        self._services = services
        self._scope = scope

    async def get_variable(self, name: str, default: str | None) -> str:
        """Return the value of a variable for a field that is not secret: the run's, the owner's, or `default`.

        Raises:
            MissingVariableError: There is no such variable and no default.
            NotSecretFieldError: The variable comes from the environment.
            PublicCredentialError: The variable is a credential, and the caller is anonymous.

        """
        if (override := self._scope.variables.get(name)) is not None:
            return override
        stored = await self._services.variables.get(self._scope.owner, name)
        if stored is not None and not stored.from_environment:
            if self._scope.origin == "public" and not stored.is_readable:
                raise PublicCredentialError(name)
            return self._services.cipher.decrypt(stored.encrypted)
        if stored is not None or await self._of_environment(name, None) is not None:
            raise NotSecretFieldError(name)
        return _require_value(name, default)

    async def get_secret(self, name: str, default: str | None) -> str:
        """Return the value of a variable for a secret field: the run's, the owner's, the environment's, or `default`.

        A value of the environment is an `EnvironmentSecret`.

        Raises:
            MissingVariableError: There is no such variable and no default.

        """
        if (override := self._scope.variables.get(name)) is not None:
            return override
        return await find_secret(self._services, self._scope.owner, name) or _require_value(name, default)

    async def get_environment_secret(self, name: str) -> EnvironmentSecret | None:
        """Return a variable of the server's environment, or None if it is not set or the owner may not use it."""
        stored = await self._services.variables.get(self._scope.owner, name)
        return await self._of_environment(name, stored if stored is not None and stored.from_environment else None)

    async def _of_environment(self, name: str, copy: StoredVariable | None) -> EnvironmentSecret | None:
        return await _find_environment_secret(self._services, self._scope.owner, name, copy)


async def find_secret(services: RunServices, owner: UUID, name: str) -> str | None:
    """Return a secret variable of a user or of the server's environment, or None if the user may use neither.

    A value of the environment is an `EnvironmentSecret`.
    """
    stored = await services.variables.get(owner, name)
    if stored is not None and not stored.from_environment:
        return services.cipher.decrypt(stored.encrypted)
    return await _find_environment_secret(services, owner, name, stored)


async def _find_environment_secret(
    services: RunServices, owner: UUID, name: str, copy: StoredVariable | None
) -> EnvironmentSecret | None:
    """Return a secret of the environment, preferring the copy that was stored for the first superuser at start."""
    environment, access = services.resources.environment, services.environment_access
    if copy is None and not (access.reads_process_environment and environment.contains(name)):
        return None
    if not await access.is_allowed(owner):
        return None
    if copy is not None:
        return environment.bind(name, services.cipher.decrypt(copy.encrypted))
    return environment.secret(name)


def _require_value(name: str, default: str | None) -> str:
    if default is None:
        raise MissingVariableError(name)
    return default
