"""Passwords at rest: argon2, and bcrypt of older databases."""

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from pwdlib.hashers.bcrypt import BcryptHasher

_HASHES = PasswordHash((Argon2Hasher(), BcryptHasher()))

#: What a login for an unknown name is checked against, so that it takes as long as one for a known name.
_NOBODY = "$argon2id$v=19$m=65536,t=3,p=4$MTIzNDU2Nzg5MDEyMzQ1Ng$hWNSL4NQkVyaJ9HrP5JNbGXMFZZTGZCTQ2SWxCMqEvM"


def hash_password(password: str) -> str:
    """Return the argon2 hash of a password. Slow on purpose: call it in a thread."""
    return _HASHES.hash(password)


def password_fits(password: str, password_hash: str | None) -> bool:
    """Return whether a password has this hash; as slow where there is no hash. Call it in a thread."""
    fits = _HASHES.verify(password, password_hash or _NOBODY)
    return fits and password_hash is not None
