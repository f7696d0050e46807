"""The authentication that the MCP address of a project requires: checked, encrypted at rest, and shown without secrets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from headrace.errors import BadRequestError

if TYPE_CHECKING:
    from headrace.db.encryption import VariableCipher

AUTH_TYPES = ("none", "apikey", "oauth")
#: The keys of the settings, except the type. Clients of Langflow send and expect all of them.
OAUTH_KEYS = (
    "oauth_host",
    "oauth_port",
    "oauth_server_url",
    "oauth_callback_path",
    "oauth_client_id",
    "oauth_client_secret",
    "oauth_auth_url",
    "oauth_token_url",
    "oauth_mcp_scope",
    "oauth_provider_scope",
)
SECRET_KEY = "oauth_client_secret"
#: Shown in place of a stored secret. A client that sends it back leaves the secret unchanged.
HIDDEN = "*******"
MAX_VALUE_CHARACTERS = 2048


class ProjectAuthError(BadRequestError):
    """The authentication settings of a project are not valid."""


class ProjectAuth:
    """Converts authentication settings between their form in requests and the one that is stored."""

    def __init__(self, cipher: VariableCipher, public_url: str | None) -> None:
        """Create the converter.

        Args:
            cipher: encrypts secrets.
            public_url: the address of this server, for which authorization servers issue tokens; None if it is not known.

        """
        self._cipher = cipher
        self._public_url = public_url

    def to_stored(self, values: Mapping[str, Any], previous: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the settings to store.

        Args:
            values: the settings of a request.
            previous: the settings that are stored now.

        Raises:
            ProjectAuthError: A value is not valid, or settings that `oauth` needs are missing.

        """
        auth_type = values.get("auth_type", "none")
        if auth_type not in AUTH_TYPES:
            raise ProjectAuthError(f"auth_type must be one of {', '.join(AUTH_TYPES)}.")
        stored: dict[str, Any] = {"auth_type": auth_type}
        for key in OAUTH_KEYS:
            value = values.get(key)
            if value is None:
                continue
            if not isinstance(value, str) or len(value) > MAX_VALUE_CHARACTERS:
                raise ProjectAuthError(f"{key} must be a text of at most {MAX_VALUE_CHARACTERS} characters.")
            if key != SECRET_KEY:
                stored[key] = value
            elif value == HIDDEN:
                if previous and previous.get(key):
                    stored[key] = previous[key]
            elif value:
                stored[key] = self._cipher.encrypt(value)
        if auth_type == "oauth":
            self._check_oauth(stored)
        return stored

    def _check_oauth(self, stored: Mapping[str, Any]) -> None:
        parts = urlsplit(str(stored.get("oauth_server_url") or ""))
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
            raise ProjectAuthError("oauth_server_url must be the URL of the authorization server, its issuer.")
        if self._public_url is None:
            raise ProjectAuthError(
                "OAuth needs the address for which tokens are issued. An operator can set HEADRACE_PUBLIC_URL."
            )


def visible_auth(stored: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return stored settings with all keys and without secrets."""
    values = stored or {}
    shown: dict[str, Any] = {"auth_type": values.get("auth_type", "none")}
    for key in OAUTH_KEYS:
        shown[key] = HIDDEN if key == SECRET_KEY and values.get(key) else values.get(key)
    return shown
