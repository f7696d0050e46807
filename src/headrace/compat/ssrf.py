"""The check of URLs that component code makes before it sends a request."""

from __future__ import annotations

from headrace.compat.active_run import current_context
from headrace.errors import HeadraceError


class SSRFProtectionError(ValueError):
    """Components must not send requests to this URL."""


def validate_url_for_ssrf(url: str, *, warn_only: bool = True) -> None:
    """Check that components may send requests to a URL. `warn_only` has no effect.

    Raises:
        SSRFProtectionError: the URL is not allowed. The message says how an operator allows it.

    """
    try:
        current_context("validate_url_for_ssrf").egress.check(url)
    except (HeadraceError, PermissionError) as error:
        raise SSRFProtectionError(str(error)) from error
