"""URLs in messages and logs show no credentials."""

from __future__ import annotations

import pytest

from headrace.net.egress import EgressError, EgressGuard
from headrace.net.urls import displayed_url, remove_url_secrets


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:pass@host.example:8080/path?key=1#part", "https://host.example:8080/path"),
        ("https://host.example", "https://host.example"),
        ("http://u@[2001:db8::1]:1/x", "http://[2001:db8::1]:1/x"),
        ("http://host:port/", "The URL"),
        ("http://[host/", "The URL"),
    ],
)
def test_a_displayed_url_has_no_user_information_and_no_query(url: str, shown: str) -> None:
    assert displayed_url(url) == shown


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("see https://a:b@x.example/?page=1&api_key=abc&q=2 now", "see https://x.example/?page=1&api_key=&q=2 now"),
        ("https://x.example/?X-Amz-Signature=abc#access_token=d", "https://x.example/?X-Amz-Signature=#access_token="),
        ("postgresql://{user}:{password}@host/db", "postgresql://{user}:{password}@host/db"),
        ("https://x.example/@user?monkey=1", "https://x.example/@user?monkey=1"),
    ],
)
def test_secrets_in_urls_are_removed_from_a_text(text: str, clean: str) -> None:
    assert remove_url_secrets(text) == clean


@pytest.mark.parametrize(
    "url", ["ftp://user:hunter2@host.example/", "http://user:hunter2@127.0.0.1/", "http://[x:hunter2@y/"]
)
def test_the_error_for_a_forbidden_url_shows_no_password(url: str) -> None:
    with pytest.raises(EgressError) as error:
        EgressGuard(enabled=True, allowed=[]).check(url)
    assert "hunter2" not in str(error.value)
