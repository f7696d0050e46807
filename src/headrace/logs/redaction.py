"""Secrets in URLs, which must not appear in the log."""

from __future__ import annotations

import re
from urllib.parse import unquote

from headrace.net.secret_names import is_secret_parameter
from headrace.net.urls import remove_url_secrets

REDACTED = "[redacted]"

#: A parameter of a query string: its name, and its value.
_PARAMETER = re.compile(r"""([?&;])([^=&;?\s"']{1,200})=([^&;\s"'#]+)""")


def redact_line(line: str) -> str:
    """Return a line of the log without the secrets of complete URLs and of request paths in it."""
    return redact_query_secrets(remove_url_secrets(line))


def redact_query_secrets(text: str) -> str:
    """Return a text in which the values of secret parameters of URLs are replaced.

    >>> redact_query_secrets('GET /api/v1/run/echo?stream=true&x-api-key=sk-123 HTTP/1.1')
    'GET /api/v1/run/echo?stream=true&x-api-key=[redacted] HTTP/1.1'
    """
    if "=" not in text or ("?" not in text and "&" not in text):
        return text
    return _PARAMETER.sub(_redact, text)


def _redact(parameter: re.Match[str]) -> str:
    separator, name, _value = parameter.groups()
    return f"{separator}{name}={REDACTED}" if is_secret_parameter(unquote(name)) else parameter[0]
