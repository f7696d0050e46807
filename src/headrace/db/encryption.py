"""Encryption of stored secrets: Fernet (AES-128-CBC with HMAC) with a key derived from the server's secret."""

from __future__ import annotations

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken

from headrace.errors import HeadraceError


class UnreadableSecretError(HeadraceError):
    """A stored secret was encrypted with another key."""

    def __init__(self) -> None:
        super().__init__(
            "A stored variable cannot be decrypted: LANGFLOW_SECRET_KEY has changed since it was stored. "
            "Set the old key, or store the variable again."
        )


class VariableCipher:
    """Encrypts and decrypts variables."""

    def __init__(self, secret: str) -> None:
        self._fernet = Fernet(base64.urlsafe_b64encode(hashlib.sha256(secret.encode()).digest()))

    def encrypt(self, text: str) -> str:
        """Return the encrypted text."""
        return self._fernet.encrypt(text.encode()).decode()

    def decrypt(self, token: str) -> str:
        """Return the decrypted text.

        Raises:
            UnreadableSecretError: the token was encrypted with another secret.

        """
        try:
            return self._fernet.decrypt(token.encode()).decode()
        except InvalidToken as error:
            raise UnreadableSecretError from error

    def matches(self, text: str, token: str) -> bool:
        """Return whether `token` decrypts to `text`; False if it cannot be decrypted."""
        try:
            return self.decrypt(token) == text
        except UnreadableSecretError:
            return False
