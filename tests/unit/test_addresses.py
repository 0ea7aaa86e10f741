"""Which addresses are public: each range at both ends, and each disguise of an IPv4 address."""

from __future__ import annotations

import random
from ipaddress import IPv4Address, IPv6Address, IPv6Network

import pytest

from crawler.network.addresses import AddressKind, is_public, kind_of, plain

K = AddressKind

V4 = {
    "0.0.0.0": K.UNSPECIFIED, "0.0.0.1": K.RESERVED, "0.255.255.255": K.RESERVED, "1.0.0.0": K.PUBLIC,
    "9.255.255.255": K.PUBLIC, "10.0.0.0": K.PRIVATE, "10.255.255.255": K.PRIVATE, "11.0.0.0": K.PUBLIC,
    "100.63.255.255": K.PUBLIC, "100.64.0.0": K.SHARED, "100.127.255.255": K.SHARED, "100.128.0.0": K.PUBLIC,
    "100.100.100.200": K.METADATA, "126.255.255.255": K.PUBLIC, "127.0.0.0": K.LOOPBACK, "127.0.0.1": K.LOOPBACK,
    "127.255.255.255": K.LOOPBACK, "128.0.0.0": K.PUBLIC, "168.63.129.15": K.PUBLIC, "168.63.129.16": K.METADATA,
    "169.253.255.255": K.PUBLIC, "169.254.0.0": K.LINK_LOCAL, "169.254.169.253": K.LINK_LOCAL,
    "169.254.169.254": K.METADATA, "169.254.170.2": K.METADATA, "169.254.255.255": K.LINK_LOCAL,
    "169.255.0.0": K.PUBLIC, "172.15.255.255": K.PUBLIC, "172.16.0.0": K.PRIVATE, "172.31.255.255": K.PRIVATE,
    "172.32.0.0": K.PUBLIC, "191.255.255.255": K.PUBLIC, "192.0.0.0": K.RESERVED, "192.0.0.192": K.METADATA,
    "192.0.0.255": K.RESERVED, "192.0.1.0": K.PUBLIC, "192.0.2.0": K.RESERVED, "192.0.2.255": K.RESERVED,
    "192.0.3.0": K.PUBLIC, "192.88.99.0": K.RESERVED, "192.88.100.0": K.PUBLIC, "192.167.255.255": K.PUBLIC,
    "192.168.0.0": K.PRIVATE, "192.168.255.255": K.PRIVATE, "192.169.0.0": K.PUBLIC, "198.17.255.255": K.PUBLIC,
    "198.18.0.0": K.RESERVED, "198.19.255.255": K.RESERVED, "198.20.0.0": K.PUBLIC, "198.51.100.0": K.RESERVED,
    "198.51.101.0": K.PUBLIC, "203.0.113.255": K.RESERVED, "203.0.114.0": K.PUBLIC, "223.255.255.255": K.PUBLIC,
    "224.0.0.0": K.MULTICAST, "239.255.255.255": K.MULTICAST, "240.0.0.0": K.RESERVED, "255.255.255.255": K.RESERVED,
}  # fmt: skip

V6 = {
    "::": K.UNSPECIFIED, "::1": K.LOOPBACK, "::2": K.RESERVED, "100::1": K.RESERVED, "64:ff9b:1::808:808": K.PRIVATE,
    "64:ff9b:1:ffff::": K.PRIVATE, "64:ff9b:2::808:808": K.RESERVED, "64:ff9b::1:0:0": K.RESERVED,
    "1fff:ffff::": K.RESERVED, "2000::1": K.PUBLIC, "2001::": K.RESERVED, "2001:1ff:ffff::1": K.RESERVED,
    "2001:200::1": K.PUBLIC, "2001:db7:ffff::1": K.PUBLIC, "2001:db8::1": K.RESERVED, "2001:db9::1": K.PUBLIC,
    "2606:4700:4700::1111": K.PUBLIC, "3ffe:ffff::1": K.PUBLIC, "3fff::1": K.RESERVED, "3fff:fff:ffff::1": K.RESERVED,
    "3fff:1000::1": K.PUBLIC, "4000::1": K.RESERVED, "5f00::1": K.RESERVED, "fbff::1": K.RESERVED, "fc00::": K.PRIVATE,
    "fd00::1": K.PRIVATE, "fd00:ec2::254": K.METADATA, "fd20:ce::254": K.METADATA, "fdff::1": K.PRIVATE,
    "fe00::1": K.RESERVED, "fe80::1": K.LINK_LOCAL, "fe80::1%eth0": K.LINK_LOCAL, "febf::1": K.LINK_LOCAL,
    "fec0::1": K.PRIVATE, "feff::1": K.PRIVATE, "ff02::1": K.MULTICAST,
    # Teredo, whatever its server (192.0.2.45 in RFC 4380's example) and its client (inverted) are
    "2001:0:4136:e378:8000:63bf:3fff:fdd2": K.RESERVED, "2001:0:808:808::f7f7:f7f7": K.RESERVED,
}  # fmt: skip


def _v6(prefix: int, inner: IPv4Address, shift: int) -> str:
    return str(IPv6Address(prefix | int(inner) << shift))


SIX_TO_FOUR = IPv6Network("2002::/16")

DISGUISES = {
    "IPv4-mapped": lambda inner: _v6(0xFFFF << 32, inner, 0),
    "NAT64": lambda inner: _v6(0x64FF9B << 96, inner, 0),
    "6to4": lambda inner: _v6(0x2002 << 112 | 1, inner, 80),
    "ISATAP": lambda inner: _v6(0x2606_4700 << 96 | 0x5EFE << 32, inner, 0),
    "ISATAP, globally unique": lambda inner: _v6(0x2606_4700 << 96 | 0x0200_5EFE << 32, inner, 0),
}


@pytest.mark.parametrize(("address", "kind"), [*V4.items(), *V6.items()])
def test_each_range_begins_and_ends_where_the_registry_says(address: str, kind: AddressKind) -> None:
    assert kind_of(address) is kind
    assert is_public(address) is (kind is K.PUBLIC)


@pytest.mark.parametrize("disguise", DISGUISES)
@pytest.mark.parametrize(("address", "kind"), V4.items())
def test_a_disguise_changes_nothing(disguise: str, address: str, kind: AddressKind) -> None:
    assert kind_of(DISGUISES[disguise](IPv4Address(address))) is kind


@pytest.mark.parametrize("address", V4)
def test_compatible_and_translated_addresses_are_never_public(address: str) -> None:
    assert not is_public(_v6(0, IPv4Address(address), 0))
    assert not is_public(_v6(0xFFFF << 48, IPv4Address(address), 0))  # RFC 7915: ::ffff:0:a.b.c.d


def test_what_python_calls_private_is_not_public(rng: random.Random) -> None:
    """As one more witness, disguises aside: of 6to4, some versions call all private, and some all public."""
    for _ in range(5000):
        four, six = IPv4Address(rng.getrandbits(32)), IPv6Address(rng.getrandbits(125) | 1 << 125)
        for address in (four, six):
            if is_public(str(address)) and address not in SIX_TO_FOUR:
                assert not address.is_private, address
                assert not address.is_multicast, address


@pytest.mark.parametrize("text", ["", "localhost", "1", "127.1", "0x7f.1", "2130706433", "[::1]", "::1::", "1.2.3.4.5"])
def test_what_is_no_address_is_not_public(text: str) -> None:
    assert not is_public(text)
    with pytest.raises(ValueError, match="IP"):
        kind_of(text)


@pytest.mark.parametrize(
    ("address", "spelling"),
    [("::ffff:7f00:1", "127.0.0.1"), ("::FFFF:127.0.0.1", "127.0.0.1"), ("fe80::1%eth0", "fe80::1"),
     ("0:0:0:0:0:0:0:1", "::1"), ("10.0.0.1", "10.0.0.1")],
)  # fmt: skip
def test_one_spelling(address: str, spelling: str) -> None:
    assert plain(address) == spelling
