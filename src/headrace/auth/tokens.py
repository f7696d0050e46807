"""Access and refresh tokens: JWT (RFC 7519) with HS256. Each belongs to a login session, with which it ends."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import jwt

from headrace.auth.errors import InvalidTokenError

ALGORITHM = "HS256"
Kind = Literal["access", "refresh"]

#: Separates the key of tokens from other keys that are derived from the server's secret.
_KEY_LABEL = b"headrace token signature 1"


@dataclass(frozen=True, slots=True)
class AccessClaims:
    """The content of an access token: its session and its user."""

    session_id: UUID
    user_id: UUID


@dataclass(frozen=True, slots=True)
class RefreshClaims:
    """The content of a refresh token: its session, and its number among the refresh tokens of this session."""

    session_id: UUID
    generation: int


class Tokens:
    """Issues and verifies tokens with a key derived from the server's secret."""

    def __init__(self, secret: str, access_seconds: int, refresh_seconds: int) -> None:
        self._key = hmac.digest(secret.encode(), _KEY_LABEL, "sha256")
        self._ttl: dict[Kind, timedelta] = {
            "access": timedelta(seconds=access_seconds),
            "refresh": timedelta(seconds=refresh_seconds),
        }

    def expires_at(self) -> datetime:
        """Return the time at which the last token of a session expires that is issued now."""
        return datetime.now(UTC) + max(self._ttl.values())

    def issue_access(self, user_id: UUID, session_id: UUID) -> str:
        """Return an access token for a user's session."""
        return self._issue("access", user_id, session_id, {})

    def issue_refresh(self, user_id: UUID, session_id: UUID, generation: int) -> str:
        """Return the refresh token of a session with this number."""
        return self._issue("refresh", user_id, session_id, {"gen": generation})

    def verify_access(self, token: str) -> AccessClaims:
        """Return the content of an access token. Its session may have ended.

        Raises:
            InvalidTokenError: the token is not valid, has expired, or is not an access token.

        """
        try:
            claims = self._decode(token, "access")
            return AccessClaims(UUID(claims["sid"]), UUID(claims["sub"]))
        except (KeyError, ValueError, AttributeError) as error:
            raise InvalidTokenError from error

    def verify_refresh(self, token: str) -> RefreshClaims:
        """Return the content of a refresh token. The session may have ended, or the token may have been used.

        Raises:
            InvalidTokenError: the token is not valid, has expired, or is not a refresh token.

        """
        try:
            claims = self._decode(token, "refresh")
            return RefreshClaims(UUID(claims["sid"]), int(claims["gen"]))
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise InvalidTokenError from error

    def _issue(self, kind: Kind, user_id: UUID, session_id: UUID, claims: dict[str, Any]) -> str:
        expires = datetime.now(UTC) + self._ttl[kind]
        payload = {"sub": str(user_id), "sid": str(session_id), "type": kind, "exp": expires, **claims}
        return jwt.encode(payload, self._key, algorithm=ALGORITHM)

    def _decode(self, token: str, kind: Kind) -> dict[str, Any]:
        try:
            claims: dict[str, Any] = jwt.decode(
                token, self._key, algorithms=[ALGORITHM], options={"require": ["exp", "sub", "sid"]}
            )
        except jwt.InvalidTokenError as error:
            raise InvalidTokenError from error
        if claims.get("type") != kind:
            raise InvalidTokenError
        return claims
