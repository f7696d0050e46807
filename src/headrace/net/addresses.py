"""Public IP addresses, and IPv4 addresses that are embedded in IPv6 addresses.

Sources: the IANA registries of special-purpose addresses (https://www.iana.org/assignments/iana-ipv4-special-registry,
https://www.iana.org/assignments/iana-ipv6-special-registry), RFC 4291 (address types), RFC 6052 and RFC 8215 (NAT64), RFC 3056
(6to4), RFC 4380 (Teredo), RFC 5214 (ISATAP), RFC 2765 (SIIT). The lists stand here because those of Python's `ipaddress` differ
between its versions.
"""

from __future__ import annotations

import ipaddress
import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_SPECIAL_IPV4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
#: The only block of global unicast addresses. All others are local, reserved, multicast or translated.
_GLOBAL_IPV6 = IPv6Network("2000::/3")
#: Teredo, benchmarking and other protocol assignments, and the ranges for documentation.
_SPECIAL_IPV6 = tuple(IPv6Network(text) for text in ("2001::/23", "2001:db8::/32", "3fff::/20"))
#: Prefixes of addresses that represent the IPv4 address in their last 32 bits: mapped, translated (SIIT), NAT64, compatible.
_TRANSLATED = tuple(
    IPv6Network(text) for text in ("::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96", "::/96")
)  # fmt: skip
_SIX_TO_FOUR = IPv6Network("2002::/16")
_TEREDO = IPv6Network("2001::/32")
_LOCAL_NAT64 = IPv6Network("64:ff9b:1::/48")
#: The first half of an ISATAP interface identifier, without the universal/local bit.
_ISATAP = 0x0000_5EFE
_UNIVERSAL_BIT = 0x0200_0000


def is_public(address: Address) -> bool:
    """Return whether an address is public, and so is every IPv4 address that it may lead to."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _SPECIAL_IPV4)
    embedded = embedded_ipv4(address)
    if any(address in network for network in _TRANSLATED):
        return all(map(is_public, embedded))
    if address not in _GLOBAL_IPV6 or any(address in network for network in _SPECIAL_IPV6):
        return False
    return all(map(is_public, embedded))


def is_listed(address: Address, networks: list[Network]) -> bool:
    """Return whether one of the networks contains an address, or the IPv4 address that a translated address stands for."""
    candidates: list[Address] = [address]
    if isinstance(address, IPv6Address) and any(address in network for network in _TRANSLATED):
        candidates += embedded_ipv4(address)
    return any(c.version == network.version and c in network for c in candidates for network in networks)


def embedded_ipv4(address: IPv6Address) -> list[IPv4Address]:
    """Return the IPv4 addresses that routers may translate or tunnel an IPv6 address to.

    The length of a local NAT64 prefix is not visible in the address: the result contains one address per possible length.
    """
    bits = int(address)
    if any(address in network for network in _TRANSLATED):
        return [_ipv4(bits)]
    if address in _SIX_TO_FOUR:
        return [_ipv4(bits >> 80)]
    if address in _TEREDO:
        return [_ipv4(bits >> 64), _ipv4(~bits)]
    if address in _LOCAL_NAT64:
        return _rfc6052_addresses(bits)
    interface = (bits >> 32) & 0xFFFF_FFFF
    return [_ipv4(bits)] if interface & ~_UNIVERSAL_BIT == _ISATAP else []


def _rfc6052_addresses(bits: int) -> list[IPv4Address]:
    """Return the addresses in a NAT64 address for the prefix lengths 48, 56, 64 and 96 (RFC 6052, section 2.2).

    The bits 64 to 71 are reserved: an address that reaches across them continues after them.
    """
    without_reserved = ((bits >> 64) << 56) | (bits & ((1 << 56) - 1))
    return [_ipv4(without_reserved >> (120 - length - 32)) for length in (48, 56, 64)] + [_ipv4(bits)]


def _ipv4(bits: int) -> IPv4Address:
    return IPv4Address(bits & 0xFFFF_FFFF)


def parse_address(host: str) -> Address | None:
    """Return the address that a host is written as, or None if it is a name.

    The system's resolver also accepts 127.1, 0x7f000001 and 2130706433 as addresses.
    """
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(host))
    except (OSError, UnicodeEncodeError):
        return None


def parse_network(text: str) -> Network | None:
    """Return the network that a text denotes, an address included, or None for any other text."""
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
