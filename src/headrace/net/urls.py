"""Secrets in URLs: user information and query parameters."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from headrace.net.secret_names import is_secret_parameter

#: A URL with user information, in any text. Placeholders such as `{user}` and `$USER` are not secrets.
_USER_INFO = re.compile(r"(?P<scheme>\b[a-zA-Z][a-zA-Z0-9+.-]{1,20}://)(?P<user>[^\s/?#@\"'<>{}$]{1,512})@")
#: A parameter of a query or fragment: its name, and its value. A placeholder such as `{key}` is not a value.
_PARAMETER = re.compile(r"(?P<start>[?&;#](?P<name>[^=&;?#\s\"'<>{}$]{1,200})=)(?P<value>[^&;#\s\"'<>{}$]+)")


def remove_url_secrets(text: str) -> str:
    """Return a text whose URLs have no user information and no values of parameters that are named like credentials."""
    if "://" not in text:
        return text
    return _PARAMETER.sub(_without_secret, _USER_INFO.sub(lambda found: found["scheme"], text))


def _without_secret(parameter: re.Match[str]) -> str:
    return parameter["start"] if is_secret_parameter(unquote(parameter["name"])) else parameter[0]


def displayed_url(url: str) -> str:
    """Return a URL for messages and logs: scheme, host, port and path, without user information and query."""
    try:
        parts = urlsplit(url)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
        port = f":{parts.port}" if parts.port is not None else ""
    except ValueError:
        return "The URL"
    return f"{parts.scheme}://{host}{port}{parts.path}" if parts.scheme else f"{host}{port}{parts.path}"
