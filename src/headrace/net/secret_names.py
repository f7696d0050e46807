"""Names of fields, keys, headers, options and URL parameters whose values are secret.

The redaction of exports, of the log and of URLs in messages decide by these lists.
"""

from __future__ import annotations

import re

_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z0-9]+|[A-Z0-9]+")
#: Words that make a name that of a secret, wherever they stand.
_SECRET_WORDS = frozenset(
    [
        "apikey",
        "authorization",
        "authentication",
        "auth",
        "bearer",
        "cookie",
        "cookies",
        "credential",
        "credentials",
        "jwt",
        "passphrase",
        "passwd",
        "password",
        "pwd",
        "secret",
        "secrets",
        "signature",
        "token",
        "pat",
        "dsn",
    ]
)
#: Endings of words that are written together, such as `accesstoken` and `clientsecret`.
_SECRET_ENDINGS = ("apikey", "credential", "credentials", "passwd", "password", "secret", "signature", "token")
#: Words of URL parameters that are those of a secret in a URL alone.
_SECRET_PARAMETER_WORDS = frozenset(["session", "sessionid", "sid", "sig"])
#: Last words of a name that describe a secret instead of being one, such as `auth_type` and `token_count`.
_DESCRIPTIONS = frozenset(
    [
        "type",
        "kind",
        "name",
        "url",
        "uri",
        "endpoint",
        "id",
        "ids",
        "method",
        "mode",
        "field",
        "header",
        "prefix",
        "scheme",
        "scope",
        "scopes",
        "count",
        "limit",
        "limits",
        "budget",
        "size",
        "length",
        "usage",
        "path",
        "file",
        "required",
        "enabled",
        "placeholder",
        "label",
        "splitter",
        "separator",
        "expiry",
        "expires",
        "ttl",
        "seconds",
    ]
)
#: Words before `key` in names of keys that are not secret.
_PLAIN_KEYS = frozenset(
    [
        "cache",
        "column",
        "context",
        "data",
        "dict",
        "field",
        "foreign",
        "group",
        "hot",
        "id",
        "index",
        "input",
        "json",
        "key",
        "lookup",
        "map",
        "message",
        "metadata",
        "name",
        "order",
        "output",
        "parent",
        "partition",
        "primary",
        "public",
        "row",
        "search",
        "session",
        "sort",
        "sub",
        "text",
        "value",
    ]
)
#: Headers whose values are harmless.
HARMLESS_HEADERS = frozenset(
    [
        "accept",
        "accept-charset",
        "accept-encoding",
        "accept-language",
        "cache-control",
        "connection",
        "content-encoding",
        "content-language",
        "content-length",
        "content-type",
        "dnt",
        "host",
        "origin",
        "pragma",
        "te",
        "upgrade-insecure-requests",
        "user-agent",
        "anthropic-version",
        "sec-fetch-dest",
        "sec-fetch-mode",
        "sec-fetch-site",
        "sec-fetch-user",
        "sec-ch-ua",
        "sec-ch-ua-mobile",
        "sec-ch-ua-platform",
    ]
)


def words_of(name: str) -> list[str]:
    """Return the words of a name in lower case: `xApiKey`, `X-API-KEY` and `x_api_key` have the same."""
    return [word.lower() for word in _WORD.findall(name[:200])]


def is_secret_name(name: str) -> bool:
    """Return whether a value with this name is secret, judging by the name alone."""
    words = words_of(name)
    if not words or words[-1] in _DESCRIPTIONS:
        return False
    if any(word in _SECRET_WORDS or word.endswith(_SECRET_ENDINGS) for word in words):
        return True
    return len(words) > 1 and words[-1] == "key" and words[-2] not in _PLAIN_KEYS


def is_secret_parameter(name: str) -> bool:
    """Return whether a parameter of a URL with this name, without percent encoding, is secret.

    URLs use shorter names than fields: `key`, `sig` and, for a login at another site, `code`.
    """
    words = words_of(name)
    if not words:
        return False
    is_short_name = words == ["code"] or words[-1] == "key" or not _SECRET_PARAMETER_WORDS.isdisjoint(words)
    return is_short_name or is_secret_name(name)


def has_word(name: str, *candidates: str) -> bool:
    """Return whether the last word of a name is one of the candidates."""
    words = words_of(name)
    return bool(words) and words[-1] in candidates
