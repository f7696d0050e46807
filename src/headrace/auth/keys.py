"""API keys: 43 random letters behind `sk-`, of which the server keeps the SHA-256."""

import hashlib
import secrets

#: What every key begins with, and no token.
MARK = "sk-"
PREFIX_LENGTH = 8
_SHOWN_LENGTH = 46


def new_key() -> str:
    """Return a fresh API key: 256 random bits."""
    return f"{MARK}{secrets.token_urlsafe(32)}"


def digest(key: str) -> str:
    """Return what is stored of a key. A random key needs no slow hash."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def prefix(key: str) -> str:
    """Return the part of a key by which its owner knows it."""
    return key[:PREFIX_LENGTH]


def masked(key_prefix: str) -> str:
    """Return a key as lists show it."""
    return key_prefix.ljust(_SHOWN_LENGTH, "*")
