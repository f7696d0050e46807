"""Remove secrets from text: API keys of known formats, credentials in URLs, and values after a header or a variable."""

from __future__ import annotations

import re
from collections.abc import Callable

from headrace.net.urls import remove_url_secrets

#: Texts are searched in chunks of this size: a search holds Python's lock until it ends.
_CHUNK_CHARACTERS = 65_536
#: Parts of texts without which the searches below find nothing. Most texts have none.
_KEY_PARTS = (
    "sk-", "_live_", "_test_", "whsec_", "gho_", "ghp_", "ghs_", "ghu_", "ghr_", "github_pat_", "glpat-", "gldt-", "glptt-", "glrt-",
    "xox", "xapp-", "AKIA", "ASIA", "AIza", "ya29.", "GOCSPX-", "hf_", "gsk_", "xai-", "pplx-", "tvly-", "nvapi-", "r8_", "pcsk_",
    "AstraCS:", "jina_", "fc-", "lsv2_", "lin_api_", "ntn_", "secret_", "npm_", "pypi-", "dop_v1_", "SG.", "eyJ",
)  # fmt: skip
_SCHEMES = ("bearer", "basic", "token")
_ASSIGNED_WORDS = ("key", "token", "secret", "password")
_DIGIT_FOLLOWS = r"(?=[\w.~+/=-]{0,200}\d)"
#: Formats of keys and tokens, by their fixed beginnings. Sources: the documentation of the issuers and their secret scanners.
_KEY_FORMATS = re.compile(
    r"(?<![\w-])(?:"
    rf"sk-{_DIGIT_FOLLOWS}[\w-]{{16,}}|(?:sk|rk|pk)_(?:live|test)_\w{{10,}}|whsec_[\w+/=]{{16,}}"
    r"|gh[opsur]_\w{20,}|github_pat_\w{20,}|gl(?:pat|dt|ptt|rt)-[\w-]{16,}"
    r"|xox[a-z]-[\w-]{10,}|xapp-[\w-]{10,}|(?:AKIA|ASIA)[0-9A-Z]{16}"
    r"|AIza[\w-]{30,}|ya29\.[\w-]{20,}|GOCSPX-[\w-]{20,}"
    r"|hf_[A-Za-z0-9]{20,}|gsk_[A-Za-z0-9]{20,}|xai-[A-Za-z0-9]{20,}|pplx-[A-Za-z0-9]{20,}|tvly-[\w-]{16,}|nvapi-[\w-]{20,}"
    r"|r8_[A-Za-z0-9]{20,}|pcsk_\w{20,}|AstraCS:[\w:]{20,}|jina_\w{20,}|fc-[a-f0-9]{24,}|lsv2_[\w-]{16,}|lin_api_\w{16,}"
    r"|ntn_\w{20,}|secret_[A-Za-z0-9]{30,}|npm_[A-Za-z0-9]{30,}|pypi-[\w-]{30,}|dop_v1_\w{30,}|SG\.[\w-]{16,}\.[\w-]{16,}"
    r"|eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}"
    r")"
)
_PRIVATE_KEY = re.compile(r"-----BEGIN ([A-Z ]{0,40}PRIVATE KEY)-----[^-]{0,20000}(?:-----END \1-----)?")
#: URLs whose path is a credential.
_SECRET_PATH = re.compile(
    r"(?P<url>\bhttps://(?:hooks\.slack\.com/(?:services|workflows)/|discord(?:app)?\.com/api/webhooks/|"
    r"[\w.-]{1,80}\.webhook\.office\.com/|api\.telegram\.org/bot))[^\s\"'<>]+"
)
#: The value after an authentication scheme.
_SCHEME = re.compile(
    rf"\b(?P<scheme>Bearer|Basic|Token)(?P<space>[ \t]{{1,4}}){_DIGIT_FOLLOWS}[\w.~+/=-]{{16,}}", re.IGNORECASE
)
#: The value after a header or an environment variable that is named like a secret.
_ASSIGNMENT = re.compile(
    r"(?P<name>\b(?:x-api-key|api-key|x-auth-token|x-goog-api-key|[A-Z][A-Z0-9_]{0,60}(?:KEY|TOKEN|SECRET|PASSWORD))"
    r"[\"']?[ \t]{0,4}[:=][ \t]{0,4}[\"']?)"
    r"(?=[^\s\"',;]{0,200}\d)[^\s\"',;{}$<>]{8,}"
)
#: A text that may be a token: at least one letter and one digit.
_OPAQUE = re.compile(r"(?=[^a-zA-Z]{0,200}[a-zA-Z])(?=\D{0,200}\d)[\w~+/=.-]{20,}")


def remove_keys(text: str) -> str:
    """Return a text without keys of known formats, such as source code, in which names and URLs are not judged."""
    if "PRIVATE KEY-----" in text:
        text = _PRIVATE_KEY.sub("", text)
    if not any(part in text for part in _KEY_PARTS):
        return text
    return _in_chunks(text, lambda chunk: _KEY_FORMATS.sub("", chunk))


def remove_secrets(text: str) -> str:
    """Return a text, such as a prompt or a URL, without the secrets in it."""
    text = remove_keys(text)
    lowered = text.lower()
    if "://" in text:
        text = _in_chunks(text, lambda chunk: _SECRET_PATH.sub(lambda found: found["url"], remove_url_secrets(chunk)))
    if any(scheme in lowered for scheme in _SCHEMES):
        text = _in_chunks(text, lambda chunk: _SCHEME.sub(lambda found: found["scheme"] + found["space"], chunk))
    if (":" in text or "=" in text) and any(word in lowered for word in _ASSIGNED_WORDS):
        text = _in_chunks(text, lambda chunk: _ASSIGNMENT.sub(lambda found: found["name"], chunk))
    return text


def _in_chunks(text: str, change: Callable[[str], str]) -> str:
    """Return a text changed in chunks of whole lines or words, between which other threads run."""
    if len(text) <= _CHUNK_CHARACTERS:
        return change(text)
    changed: list[str] = []
    start = 0
    while start < len(text):
        end = min(start + _CHUNK_CHARACTERS, len(text))
        if end < len(text):
            boundary = max(text.rfind("\n", start, end), text.rfind(" ", end - _CHUNK_CHARACTERS // 8, end))
            end = boundary + 1 if boundary > start else end
        changed.append(change(text[start:end]))
        start = end
    return "".join(changed)


def is_opaque(text: str) -> bool:
    """Return whether a text may be a token: one long word of letters and digits, and no path, package or host name."""
    if _OPAQUE.fullmatch(text) is None:
        return False
    return not re.search(r"[a-z]{3,}[./-][a-z]{2,}", text) or sum(c.isdigit() for c in text) > len(text) // 4


def remove_path_secrets(url: str) -> str:
    """Return a URL without the parts of its path that may be tokens."""
    scheme, mark, rest = url.partition("://")
    if not mark:
        return url
    return scheme + mark + "/".join("" if is_opaque(part) else part for part in rest.split("/"))
