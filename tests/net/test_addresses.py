"""Which addresses are public, whatever IPv6 address an IPv4 address is embedded in."""

from __future__ import annotations

import functools
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.net.addresses import embedded_ipv4, is_listed, is_public

PRIVATE_IPV4 = st.sampled_from(
    ["10.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "192.168.0.0/16", "100.64.0.0/10"]
).flatmap(lambda text: st.ip_addresses(v=4, network=text))


def rfc6052(prefix: int, length: int, address: int) -> IPv6Address:
    """Return the NAT64 address, built bit by bit as in the table of RFC 6052, section 2.2."""
    bits = f"{prefix:0128b}"[:length]
    for bit in f"{address:032b}":
        if len(bits) == 64:
            bits += "0" * 8
        bits += bit
    return IPv6Address(int(bits.ljust(128, "0"), 2))


LOCAL_NAT64 = int(IPv6Address("64:ff9b:1::"))
EMBEDDINGS: dict[str, Callable[[int], IPv6Address]] = {
    "mapped": lambda a: IPv6Address(int(IPv6Address("::ffff:0:0")) | a),
    "compatible": lambda a: IPv6Address(a),
    "translated": lambda a: IPv6Address(int(IPv6Address("::ffff:0:0:0")) | a),
    "NAT64": lambda a: IPv6Address(int(IPv6Address("64:ff9b::")) | a),
    "6to4": lambda a: IPv6Address(0x2002 << 112 | a << 80 | 1),
    "Teredo server": lambda a: IPv6Address(0x2001_0000 << 96 | a << 64 | ~int(IPv4Address("8.8.8.8")) & 0xFFFF_FFFF),
    "Teredo client": lambda a: IPv6Address(0x2001_0000 << 96 | int(IPv4Address("8.8.8.8")) << 64 | ~a & 0xFFFF_FFFF),
    "ISATAP": lambda a: IPv6Address(0x2A00_1450 << 96 | 0x5EFE << 32 | a),
    "universal ISATAP": lambda a: IPv6Address(0x2A00_1450 << 96 | 0x0200_5EFE << 32 | a),
    **{f"local NAT64 /{n}": functools.partial(rfc6052, LOCAL_NAT64, n) for n in (48, 56, 64, 96)},
}


@pytest.mark.parametrize("kind", EMBEDDINGS)
@given(address=PRIVATE_IPV4)
def test_a_private_address_stays_private_in_every_embedding(kind: str, address: IPv4Address) -> None:
    embedded = EMBEDDINGS[kind](int(address))
    assert address in embedded_ipv4(embedded)
    assert not is_public(embedded)


@pytest.mark.parametrize("kind", ["mapped", "NAT64", "6to4", "translated", "compatible"])
def test_a_public_address_stays_public_where_routers_translate_it(kind: str) -> None:
    assert is_public(EMBEDDINGS[kind](int(IPv4Address("8.8.8.8"))))


@given(st.ip_addresses(v=6))
def test_an_address_outside_of_the_global_block_is_public_only_if_it_stands_for_a_public_one(
    address: IPv6Address,
) -> None:
    if is_public(address):
        assert address in ip_network("2000::/3") or embedded_ipv4(address)
        assert all(map(is_public, embedded_ipv4(address)))


@pytest.mark.parametrize(
    "text", ["fec0::1", "fe80::1", "fe80::1%1", "fc00::1", "ff02::1", "2001:db8::1", "3fff::1", "100::1", "::", "::1", "5f00::1", "240.0.0.1", "192.0.0.8", "0.1.2.3", "198.19.0.1"]
)  # fmt: skip
def test_special_addresses_are_not_public(text: str) -> None:
    assert not is_public(ip_address(text))


@pytest.mark.parametrize("text", ["8.8.8.8", "2606:4700::1111", "2a00:1450:4001::200e", "100.128.0.1", "172.32.0.1"])
def test_global_unicast_addresses_are_public(text: str) -> None:
    assert is_public(ip_address(text))


def test_an_allowed_network_includes_addresses_that_translate_to_it() -> None:
    networks = [ip_network("10.0.0.0/8")]
    assert is_listed(ip_address("64:ff9b::a00:1"), networks)
    assert is_listed(ip_address("::ffff:10.0.0.1"), networks)
    assert not is_listed(ip_address("2002:a00:1::1"), networks)
    assert is_listed(ip_address("fec0::1"), [ip_network("fec0::/10")])
