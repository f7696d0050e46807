"""Functions by which component code rewrites URLs."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

#: A database URL with user name and password. The password may contain any character, even `@`.
_CONNECTION_STRING = re.compile(r"^([^:/]+://[^:/@]+):(.*)@([^@]+)$")


def transform_connection_string(connection_string: str) -> str:
    """Return a database URL with its password percent-encoded."""
    match = _CONNECTION_STRING.match(connection_string)
    return f"{match[1]}:{quote(unquote(match[2]), safe='')}@{match[3]}" if match else connection_string


def transform_localhost_url(url: str | None) -> str | None:
    """Return the URL unchanged: `localhost` always means the server's own machine or container."""
    return url
