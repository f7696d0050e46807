"""The server's encryption, which component code must not use."""

from __future__ import annotations

from headrace.component.component import ComponentError


def decrypt_api_key(encrypted_api_key: str, settings_service: object = None) -> str:
    """Reject the call: components must not read the server's encrypted values.

    Raises:
        ComponentError: always.

    """
    raise ComponentError(
        "Components cannot decrypt the server's values. Use a SecretStrInput field that refers to a variable."
    )


def encrypt_api_key(api_key: str, settings_service: object = None) -> str:
    """Reject the call: components must not use the server's encryption key.

    Raises:
        ComponentError: always.

    """
    raise ComponentError("Components cannot encrypt values with the server's key. Store a secret as a variable.")
