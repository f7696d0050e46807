"""API keys: `sk-` and 43 random characters. The server stores their SHA-256."""

import hashlib
import secrets

#: The prefix of API keys, which distinguishes them from tokens.
KEY_PREFIX = "sk-"
PREFIX_LENGTH = 8
_SHOWN_LENGTH = 46


def generate_key() -> str:
    """Return a new API key: 256 random bits."""
    return f"{KEY_PREFIX}{secrets.token_urlsafe(32)}"


def digest(key: str) -> str:
    """Return the SHA-256 of a key. A random key does not need a slow hash."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def prefix(key: str) -> str:
    """Return the start of a key, by which its owner recognizes it."""
    return key[:PREFIX_LENGTH]


def mask(key_prefix: str) -> str:
    """Return a masked key for lists."""
    return key_prefix.ljust(_SHOWN_LENGTH, "*")
