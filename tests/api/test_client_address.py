"""The address by which callers are counted."""

from __future__ import annotations

import pytest

from headrace.api.http.client_address import client_address


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::ffff", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("not:an:address", "not:an:address"),
        ("a" * 10_000, "a" * 64),
        ("", ""),
    ],
)
def test_an_address_is_reduced_to_what_one_client_controls(host: str, address: str) -> None:
    assert client_address({"client": (host, 1)}) == address


def test_a_connection_without_a_client_has_no_address() -> None:
    assert client_address({"client": None}) == client_address({}) == ""
