"""Which IP addresses are public. Pure: by tables, after every disguise is taken off.

A page must not lead the crawler into the network that the crawler lives in. `ipaddress.is_global` does not decide it:
before Python 3.11.10 it called 6to4, NAT64 and IPv4-mapped forms of private addresses global, and its tables change
with each release. The ranges are those of the IANA special-purpose registries (RFC 6890 and its updates).
"""

from __future__ import annotations

import enum
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address


class AddressKind(enum.Enum):
    """What an address is for; the value completes the sentence "this is …"."""

    PUBLIC = "a public address"
    LOOPBACK = "a loopback address"
    PRIVATE = "an address of a private network"
    SHARED = "an address of a provider's shared space"
    LINK_LOCAL = "a link-local address"
    METADATA = "the address of a cloud's metadata service"
    UNSPECIFIED = "the unspecified address"
    MULTICAST = "a multicast address"
    RESERVED = "a reserved address"


_V4 = tuple(
    (IPv4Network(network), kind)
    for network, kind in (
        ("169.254.169.254/32", AddressKind.METADATA),  # AWS, Google Cloud, Azure, and most who came after
        ("169.254.170.2/32", AddressKind.METADATA),  # AWS, credentials of containers
        ("100.100.100.200/32", AddressKind.METADATA),  # Alibaba
        ("192.0.0.192/32", AddressKind.METADATA),  # Oracle
        ("168.63.129.16/32", AddressKind.METADATA),  # Azure's wire server: answers inside its network only
        ("0.0.0.0/32", AddressKind.UNSPECIFIED),  # connects to the host itself on Linux
        ("0.0.0.0/8", AddressKind.RESERVED),  # RFC 791: this network
        ("10.0.0.0/8", AddressKind.PRIVATE),  # RFC 1918
        ("100.64.0.0/10", AddressKind.SHARED),  # RFC 6598, carrier-grade NAT
        ("127.0.0.0/8", AddressKind.LOOPBACK),  # RFC 1122
        ("169.254.0.0/16", AddressKind.LINK_LOCAL),  # RFC 3927
        ("172.16.0.0/12", AddressKind.PRIVATE),  # RFC 1918
        ("192.0.0.0/24", AddressKind.RESERVED),  # RFC 6890: protocol assignments
        ("192.0.2.0/24", AddressKind.RESERVED),  # RFC 5737: documentation
        ("192.88.99.0/24", AddressKind.RESERVED),  # RFC 7526: once the anycast 6to4 relays
        ("192.168.0.0/16", AddressKind.PRIVATE),  # RFC 1918
        ("198.18.0.0/15", AddressKind.RESERVED),  # RFC 2544: benchmarks
        ("198.51.100.0/24", AddressKind.RESERVED),  # RFC 5737: documentation
        ("203.0.113.0/24", AddressKind.RESERVED),  # RFC 5737: documentation
        ("224.0.0.0/4", AddressKind.MULTICAST),  # RFC 5771
        ("240.0.0.0/4", AddressKind.RESERVED),  # RFC 1112; the limited broadcast address is its last
    )
)

_V6 = tuple(
    (IPv6Network(network), kind)
    for network, kind in (
        ("::/128", AddressKind.UNSPECIFIED),
        ("::1/128", AddressKind.LOOPBACK),
        ("fd00:ec2::/32", AddressKind.METADATA),  # AWS
        ("fd20:ce::/32", AddressKind.METADATA),  # Google Cloud
        ("fc00::/7", AddressKind.PRIVATE),  # RFC 4193: unique local
        ("fec0::/10", AddressKind.PRIVATE),  # RFC 3879: once site-local, still treated so by some
        ("fe80::/10", AddressKind.LINK_LOCAL),  # RFC 4291
        ("ff00::/8", AddressKind.MULTICAST),  # RFC 4291
        ("64:ff9b:1::/48", AddressKind.PRIVATE),  # RFC 8215: NAT64 for local use, the prefix length is anybody's guess
        ("2001::/23", AddressKind.RESERVED),  # RFC 2928: protocol assignments, Teredo (RFC 4380) among them
        ("2001:db8::/32", AddressKind.RESERVED),  # RFC 3849: documentation
        ("3fff::/20", AddressKind.RESERVED),  # RFC 9637: documentation
    )
)

_UNICAST = IPv6Network("2000::/3")
"""All that is assigned for global use (RFC 4291 section 2.4); the rest is not, whatever it may be."""

_TRANSLATED = IPv6Network("64:ff9b::/96")
_6TO4 = IPv6Network("2002::/16")
_ISATAP = frozenset({0x00005EFE, 0x02005EFE})


@lru_cache(maxsize=4096)
def kind_of(address: str) -> AddressKind:
    """What an address is, as text of a socket or a DNS answer (a zone, `%eth0`, is not looked at).

    Raises ValueError for what is no IP address."""
    parsed = ip_address(address.partition("%")[0])
    return _kind4(parsed) if isinstance(parsed, IPv4Address) else _kind6(parsed)


def is_public(address: str) -> bool:
    """True for an address that the public Internet leads to; False for everything else, no address included."""
    try:
        return kind_of(address) is AddressKind.PUBLIC
    except ValueError:
        return False


@lru_cache(maxsize=4096)
def plain(address: str) -> str:
    """One spelling for one address: without a zone, an IPv4-mapped one as IPv4. Raises ValueError."""
    parsed = ip_address(address.partition("%")[0])
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(parsed)


def _kind4(address: IPv4Address) -> AddressKind:
    return next((kind for network, kind in _V4 if address in network), AddressKind.PUBLIC)


def _kind6(address: IPv6Address) -> AddressKind:
    for network, kind in _V6:
        if address in network:
            return kind
    bits = int(address)
    if address.ipv4_mapped is not None:  # RFC 4291 section 2.5.5.2: the socket speaks IPv4
        return _kind4(address.ipv4_mapped)
    if address in _TRANSLATED:  # RFC 6052: NAT64 takes the last 32 bits out again
        return _kind4(IPv4Address(bits & 0xFFFFFFFF))
    if address not in _UNICAST:  # IPv4-compatible (RFC 4291 section 2.5.5.1) and IPv4-translated addresses among them
        inner = bits & 0xFFFFFFFF
        hidden = _kind4(IPv4Address(inner)) if bits >> 32 == 0 else AddressKind.PUBLIC
        return AddressKind.RESERVED if hidden is AddressKind.PUBLIC else hidden
    if address in _6TO4:  # RFC 3056 section 2: the 32 bits behind the prefix
        return _kind4(IPv4Address(bits >> 80 & 0xFFFFFFFF))
    if bits >> 32 & 0xFFFFFFFF in _ISATAP:  # RFC 5214 section 6.1: an interface named after its IPv4 address
        return _kind4(IPv4Address(bits & 0xFFFFFFFF))
    return AddressKind.PUBLIC
