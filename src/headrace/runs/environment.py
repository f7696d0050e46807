"""The environment variables that flows may use: the operator's endpoints, and secrets bound to their servers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from headrace.component.environment_secret import EnvironmentSecret, EnvironmentSecretError
from headrace.errors import HeadraceError
from headrace.models.provider import base_url_variables, providers

if TYPE_CHECKING:
    from headrace.models.provider import Provider


class MissingVariableError(HeadraceError):
    """A field names a variable that its owner does not have."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The variable {name!r} does not exist. Add it under Settings, Global Variables, or type the value into the field."
        )


class NotSecretFieldError(EnvironmentSecretError):
    """A field that is not secret names a variable of the server's environment."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The variable {name!r} comes from the server's environment, and only secret fields, such as an API key, can use it. "
            "Store the value as a variable of your own under Settings, Global Variables."
        )


class Environment:
    """The listed variables of the process environment, and the operator's endpoints."""

    def __init__(
        self,
        environ: Mapping[str, str],
        readable: Sequence[str],
        key_urls: Sequence[str] = (),
        search_urls: Mapping[str, str] | None = None,
    ) -> None:
        """Read the variables.

        Args:
            environ: the process environment.
            readable: the names of the variables that flows may use as secrets.
            key_urls: further URLs of servers that may receive any of the secrets.
            search_urls: the operator's URLs of search pages by the names of their variables.

        """
        self._endpoints = {n: v for n in base_url_variables() if (v := environ.get(n))} | dict(search_urls or {})
        self._secrets = {n: v for n in readable if n not in self._endpoints and (v := environ.get(n))}
        self._key_urls = tuple(key_urls)

    def get(self, name: str) -> str | None:
        """Return the URL in a variable of the operator, or None if it is not set."""
        return self._endpoints.get(name)

    def endpoints(self) -> list[str]:
        """Return the URLs of the operator's endpoints."""
        return list(self._endpoints.values())

    def contains(self, name: str) -> bool:
        """Return whether a secret is set and flows may use it."""
        return name in self._secrets

    def secret(self, name: str) -> EnvironmentSecret | None:
        """Return a secret, or None if it is not set or flows may not use it."""
        value = self._secrets.get(name)
        return None if value is None else self.bind(name, value)

    def bind(self, name: str, value: str) -> EnvironmentSecret:
        """Return a value as a secret for the servers that may receive it.

        These are the server of the provider whose key it is, and those that the operator configured for it. If the name is not
        that of a provider's key, they are the servers of all providers with a key.
        """
        with_keys = [p for p in providers().values() if p.key_variable is not None]
        urls = [url for p in with_keys if p.key_variable == name for url in self._urls_of(p)]
        urls = urls or [url for p in with_keys for url in self._urls_of(p)]
        return EnvironmentSecret(name, value, (*urls, *self._key_urls))

    def _urls_of(self, provider: Provider) -> list[str]:
        configured = [url for name in provider.base_url_variables if (url := self._endpoints.get(name))]
        return [provider.base_url, *configured]
