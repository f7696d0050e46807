"""Exports, the log and messages agree on which parameters of URLs are secret."""

from __future__ import annotations

import pytest

from headrace.graph.secret_text import remove_secrets
from headrace.logs.redaction import redact_query_secrets
from headrace.net.secret_names import is_secret_name, is_secret_parameter
from headrace.net.urls import remove_url_secrets

SECRET = (
    *(
        "api_key",
        "apikey",
        "X-API-KEY",
        "x%2Dapi%2Dkey",
        "key",
        "accessToken",
        "accesstoken",
        "sessiontoken",
        "client_secret",
    ),
    *(
        "clientsecret",
        "code",
        "sig",
        "X-Amz-Signature",
        "session_id",
        "sid",
        "bearer",
        "dsn",
        "pat",
        "cookie",
        "passphrase",
    ),
)
PLAIN = (
    "page",
    "keyword",
    "monkey",
    "country-code",
    "max_tokens",
    "token_count",
    "author",
    "design",
    "auth_type",
    "assignment",
)


@pytest.mark.parametrize("name", SECRET)
def test_the_value_of_a_secret_parameter_is_removed_everywhere(name: str) -> None:
    url = f"https://x.example/?page=1&{name}=s3cret0value&q=2"
    for clean in (remove_url_secrets(url), redact_query_secrets(url), remove_secrets(url)):
        assert "s3cret0value" not in clean, clean
        assert clean.startswith("https://x.example/?page=1&")
        assert clean.endswith("&q=2")


@pytest.mark.parametrize("name", PLAIN)
def test_the_value_of_another_parameter_stays_everywhere(name: str) -> None:
    url = f"https://x.example/?page=1&{name}=word&q=2"
    assert not is_secret_parameter(name)
    assert remove_url_secrets(url) == redact_query_secrets(url) == url


def test_words_that_are_written_together_are_recognised_in_fields() -> None:
    assert is_secret_name("accesstoken")
    assert is_secret_name("userPassword")
    assert not is_secret_name("max_tokens")
    assert not is_secret_name("keyword")
