"""Access tokens of OAuth authorization servers, as the MCP specification requires for protected resources.

Sources: MCP specification, basic/authorization; RFC 8414 (metadata of authorization servers), RFC 7517 (keys), RFC 9068
(JWT access tokens), RFC 8707 (audience).
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import jwt
from cachetools import TTLCache

from headrace.errors import HeadraceError, UnauthorizedError

#: Signatures with a public key; a shared secret would let every resource server make tokens.
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
#: Authorization servers whose keys are in memory, and the time after which their keys are read again, in seconds.
MAX_ISSUERS = 256
KEYS_SECONDS = 600
#: The time between two reads of the keys because a token names an unknown key, in seconds.
REFRESH_INTERVAL_SECONDS = 30
#: The tolerated difference between the clocks of the servers, in seconds.
LEEWAY_SECONDS = 30

#: Reads a JSON object from a URL.
FetchJson = Callable[[str], Awaitable[dict[str, Any]]]


class AccessTokenError(UnauthorizedError):
    """An access token is not valid for this server."""

    def __init__(self, problem: str, resource_metadata: str, *, is_missing: bool = False) -> None:
        """Create the error.

        Args:
            problem: the reason.
            resource_metadata: the URL of the document with which a client finds the authorization server.
            is_missing: whether the request has no token.

        """
        super().__init__(f"{problem} Request an access token from the authorization server of this project.")
        self._challenge = f'Bearer resource_metadata="{resource_metadata}"'
        if not is_missing:
            self._challenge = f'Bearer error="invalid_token", resource_metadata="{resource_metadata}"'

    @property
    def headers(self) -> dict[str, str]:
        """Return the challenge (RFC 9728, section 5.1)."""
        return {"WWW-Authenticate": self._challenge}


@dataclass(frozen=True, slots=True)
class ProtectedResource:
    """What a token must be issued for.

    Attributes:
        issuer: the URL of the authorization server.
        audiences: the URLs of the resource; the token must name one.
        scopes: the scopes that the token must contain.
        metadata_url: the URL of the document that describes the resource.

    """

    issuer: str
    audiences: tuple[str, ...]
    scopes: frozenset[str]
    metadata_url: str


@dataclass(slots=True)
class _Keys:
    by_id: dict[str | None, Any]
    read_at: float


class AccessTokens:
    """Verifies access tokens."""

    def __init__(self, fetch: FetchJson) -> None:
        """Create the verifier; `fetch` reads the metadata and the keys of authorization servers."""
        self._fetch = fetch
        self._keys: TTLCache[str, _Keys] = TTLCache(MAX_ISSUERS, KEYS_SECONDS)

    async def verify(self, token: str, resource: ProtectedResource) -> None:
        """Check that a token was issued for a resource and has not expired.

        Raises:
            AccessTokenError: The token is not valid for the resource.

        """
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") not in ALGORITHMS:
                raise jwt.InvalidTokenError("its signature algorithm is not allowed")
            key = await self._key(resource.issuer, header.get("kid"))
            claims = jwt.decode(
                token,
                key,
                algorithms=ALGORITHMS,
                audience=list(resource.audiences),
                issuer=resource.issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": ["exp", "iss", "aud"]},
            )
            missing = resource.scopes - _scopes(claims)
            if missing:
                raise jwt.InvalidTokenError(f"it lacks the scope {' '.join(sorted(missing))}")
        except (jwt.PyJWTError, HeadraceError, ValueError, TypeError) as error:
            raise AccessTokenError(f"The access token is not valid: {error}.", resource.metadata_url) from error

    async def _key(self, issuer: str, key_id: str | None) -> Any:
        keys = self._keys.get(issuer)
        is_outdated = keys is not None and time.monotonic() - keys.read_at > REFRESH_INTERVAL_SECONDS
        if keys is None or (key_id not in keys.by_id and is_outdated):
            keys = self._keys[issuer] = _Keys(await self._read_keys(issuer), time.monotonic())
        if key_id not in keys.by_id:
            raise jwt.InvalidTokenError("the authorization server has no such key")
        return keys.by_id[key_id]

    async def _read_keys(self, issuer: str) -> dict[str | None, Any]:
        problem: HeadraceError | None = None
        for url in metadata_urls(issuer):
            try:
                metadata = await self._fetch(url)
            except HeadraceError as error:
                problem = error
                continue
            if metadata.get("issuer") != issuer or not isinstance(metadata.get("jwks_uri"), str):
                raise jwt.InvalidTokenError("the metadata of the authorization server has another issuer or no keys")
            found = jwt.PyJWKSet.from_dict(await self._fetch(metadata["jwks_uri"])).keys
            keys: dict[str | None, Any] = {key.key_id: key for key in found}
            if len(found) == 1:
                keys[None] = found[0]
            return keys
        raise problem or jwt.InvalidTokenError("the authorization server has no metadata")


def metadata_urls(issuer: str) -> Collection[str]:
    """Return the URLs at which an authorization server may publish its metadata (RFC 8414, section 3; OpenID Connect)."""
    parts = urlsplit(issuer)
    path = parts.path.rstrip("/")

    def at(new_path: str) -> str:
        return urlunsplit((parts.scheme, parts.netloc, new_path, "", ""))

    urls = [
        at(f"/.well-known/oauth-authorization-server{path}"),
        at(f"/.well-known/openid-configuration{path}"),
        at(f"{path}/.well-known/openid-configuration"),
    ]
    return list(dict.fromkeys(urls))


def _scopes(claims: dict[str, Any]) -> set[str]:
    value = claims.get("scope", claims.get("scp", ""))
    return set(value) if isinstance(value, list) else set(str(value).split())
