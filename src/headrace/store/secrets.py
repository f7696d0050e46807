"""Secrets at rest: Fernet (AES-128-CBC with HMAC) under a key that is made from the server's secret."""

from __future__ import annotations

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken

from headrace.errors import HeadraceError


class UnreadableSecretError(HeadraceError):
    """A stored secret was encrypted under another key."""

    def __init__(self) -> None:
        super().__init__(
            "A stored variable cannot be decrypted: LANGFLOW_SECRET_KEY has changed since. Set the old key, or store the variable again."
        )


class VariableCipher:
    """Encrypts and decrypts variables."""

    def __init__(self, secret: str) -> None:
        self._fernet = Fernet(base64.urlsafe_b64encode(hashlib.sha256(secret.encode()).digest()))

    def encrypt(self, text: str) -> str:
        """Return `text` encrypted."""
        return self._fernet.encrypt(text.encode()).decode()

    def decrypt(self, token: str) -> str:
        """Return what was encrypted.

        Raises:
            UnreadableSecretError: it was encrypted under another secret.

        """
        try:
            return self._fernet.decrypt(token.encode()).decode()
        except InvalidToken as error:
            raise UnreadableSecretError from error

    def fits(self, text: str, token: str) -> bool:
        """Return whether `token` is `text` encrypted; False where it cannot be read."""
        try:
            return self.decrypt(token) == text
        except UnreadableSecretError:
            return False
