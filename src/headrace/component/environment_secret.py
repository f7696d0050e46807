"""A secret of the server's environment, which components pass on without seeing it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple, Self
from urllib.parse import urlsplit

from headrace.errors import ForbiddenError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from headrace.component.component import Component

_DEFAULT_PORTS = {"http": 80, "https": 443}
#: Characters that URL parsers treat differently: some read a backslash as a slash, some remove control characters.
_AMBIGUOUS = re.compile(r"[\\\s\x00-\x1f\x7f]")


class EnvironmentSecretError(ForbiddenError):
    """A secret of the server's environment may not be used this way."""


class Endpoint(NamedTuple):
    """A server that may receive a secret: scheme, host and port."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> Self | None:
        """Return the server of a URL, or None if the URL is not valid, or if parsers differ on its host."""
        if _AMBIGUOUS.search(url):
            return None
        try:
            parts = urlsplit(url)
            port = parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)
        except ValueError:
            return None
        return cls(parts.scheme, parts.hostname, port) if parts.hostname else None


class EnvironmentSecret(str):
    """A secret of the environment, as the value of a component's field.

    As text it is a placeholder with the variable's name, so it can get into messages, templates, errors, logs and other
    processes without harm. Only the client of a model provider calls `reveal_to`, with the server that it sends the secret to.
    A copy of the object (`copy`, `pickle`, slicing) is the placeholder.
    """

    __slots__ = ("_endpoints", "_name", "_value")
    _endpoints: frozenset[Endpoint]
    _name: str
    _value: str

    def __new__(cls, name: str, value: str, urls: Iterable[str]) -> Self:
        """Create a secret.

        Args:
            name: the name of the environment variable.
            value: its value.
            urls: URLs of the servers that may receive the value.

        """
        secret = super().__new__(cls, f"[{name} of the server's environment]")
        secret._name = name
        secret._value = value
        secret._endpoints = frozenset(endpoint for url in urls if (endpoint := Endpoint.of(url)) is not None)
        return secret

    @property
    def name(self) -> str:
        """Return the name of the environment variable."""
        return self._name

    def reveal_to(self, url: str) -> str:
        """Return the value, to be sent to a server.

        Raises:
            EnvironmentSecretError: the server may not receive the value.

        """
        endpoint = Endpoint.of(url)
        if endpoint is None or endpoint not in self._endpoints:
            allowed = ", ".join(sorted(e.host for e in self._endpoints)) or "no server"
            raise EnvironmentSecretError(
                f"{self._name} of the server's environment is sent to {allowed}, not to {endpoint.host if endpoint else 'this URL'}. "
                "Enter a key of your own, or remove the base URL. An operator can add the server to HEADRACE_ENVIRONMENT_KEY_URLS."
            )
        return self._value

    def reveal_in_server(self) -> str:
        """Return the value for code that never passes it on, such as the comparison with a caller's secret."""
        return self._value

    def __reduce_ex__(self, _protocol: object) -> tuple[Any, ...]:
        return str, (str(self),)

    def __repr__(self) -> str:
        return f"EnvironmentSecret({self._name})"


def reveal_key(key: str, url: str) -> str:
    """Return an API key for a request to a server, revealing it if it is a secret of the environment.

    Raises:
        EnvironmentSecretError: the server may not receive the secret.

    """
    return key.reveal_to(url) if isinstance(key, EnvironmentSecret) else key


def value_for_code(value: str, component: type[Component] | None) -> str:
    """Return the value of a variable for the code of a component that is not the server's own.

    Code that runs in the server's process can read the environment anyway, so the operator has chosen to trust it. Isolated code
    cannot, and does not receive the secret.

    Args:
        value: the value of the variable.
        component: the component's class; None for isolated code.

    Raises:
        EnvironmentSecretError: the value is a secret of the environment and the code is isolated.

    """
    if not isinstance(value, EnvironmentSecret):
        return value
    if component is None or component.is_isolated:
        raise EnvironmentSecretError(
            f"{value.name} is a secret of the server's environment, which custom components do not receive. Store the key as a "
            "variable of your own under Settings, Global Variables."
        )
    return value.reveal_in_server()
