"""Access and refresh tokens: JWT (RFC 7519), HS256, a kind of each its own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID

import jwt

from headrace.auth.errors import InvalidTokenError

ALGORITHM = "HS256"
Kind = Literal["access", "refresh"]


class Tokens:
    """Makes and reads the tokens of one secret key."""

    def __init__(self, secret: str, access_seconds: int, refresh_seconds: int) -> None:
        self._secret = secret
        self._life: dict[Kind, int] = {"access": access_seconds, "refresh": refresh_seconds}

    def make(self, user_id: UUID, kind: Kind) -> str:
        """Return a token that says `user_id` for as long as its kind lives."""
        expires = datetime.now(UTC) + timedelta(seconds=self._life[kind])
        return jwt.encode({"sub": str(user_id), "type": kind, "exp": expires}, self._secret, algorithm=ALGORITHM)

    def read(self, token: str, kind: Kind) -> UUID:
        """Return the user that a token speaks for.

        Raises:
            InvalidTokenError: the token is forged, expired, or of the other kind.

        """
        try:
            claims = jwt.decode(token, self._secret, algorithms=[ALGORITHM], options={"require": ["exp", "sub"]})
            if claims.get("type") != kind:
                raise InvalidTokenError
            return UUID(claims["sub"])
        except (jwt.InvalidTokenError, ValueError) as error:
            raise InvalidTokenError from error
