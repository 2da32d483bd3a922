"""IP addresses as sort keys.

The store keeps one text per address: `4` and 8 hex digits, or `6` and 32. These keys sort like addresses (IPv4 before
IPv6), a CIDR block is a range of keys, and all spellings of one address have one key.

A policy may keep less of an address (ADR 45), and the text shows it. A truncated address has the first 6 hex digits of
an IPv4 address (/24) or the first 12 of an IPv6 address (/48). A hashed one is `h` and 16 hex digits; none is empty.
"""

import hashlib
import re
import socket
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_network

_MAPPED = bytes(10) + b"\xff\xff"
_dressed = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::\d{1,5})?\Z|([0-9.]+):\d{1,5}\Z", re.ASCII).match


def parse_ip(text: str) -> str:
    """Any spelling of an IPv4 or IPv6 address -> its key. IPv4-mapped IPv6 becomes IPv4. Raises ValueError.

    Ignores surrounding spaces, brackets, and a port after IPv4 or after brackets.
    """
    try:
        if ":" not in text:
            return "4" + socket.inet_pton(socket.AF_INET, text).hex()
        packed = socket.inet_pton(socket.AF_INET6, text)
    except (OSError, ValueError):
        bare = _undress(text)
        if bare == text:
            raise ValueError("is not an IPv4 or IPv6 address such as 192.0.2.1 or 2001:db8::1") from None
        return parse_ip(bare)
    if packed.startswith(_MAPPED):
        return "4" + packed[12:].hex()
    return "6" + packed.hex()


def _undress(text: str) -> str:
    """` [2001:db8::1]:443 ` -> `2001:db8::1`, `192.0.2.1:80` -> `192.0.2.1`."""
    bare = text.strip()
    match = _dressed(bare)
    return bare if match is None else match[1] or match[2]


_DIGITS = {"4": (6, 8), "6": (12, 32)}
"""Version -> hex digits of a truncated and of a full address."""


WHOLE_LENGTHS = frozenset(1 + whole for _, whole in _DIGITS.values())
"""Of the keys of full addresses; no other key has one of these."""


def truncate(key: str) -> str:
    """A full address -> its network: /24 for IPv4, /48 for IPv6. Other keys stay."""
    return key if key[:1] not in _DIGITS else key[: 1 + _DIGITS[key[0]][0]]


def hash_ip(salt: bytes, key: str) -> str:
    """A full address as a keyed hash: equal on one day for equal addresses, and nothing else."""
    return "h" + hashlib.blake2b(key.encode(), digest_size=8, key=salt).hexdigest()


@lru_cache(maxsize=65536)
def render_ip(key: str) -> str:
    """A key -> the canonical spelling (RFC 5952 for IPv6). A truncated address ends in zeros. A hashed one is `hash:`
    and 16 hex digits. Empty if nothing is kept."""
    if key[:1] not in _DIGITS:
        return f"hash:{key[1:]}" if key else ""
    packed = bytes.fromhex(key[1:].ljust(_DIGITS[key[0]][1], "0"))
    return socket.inet_ntoa(packed) if key[0] == "4" else str(IPv6Address(packed))


def spell_ip(key: str) -> str:
    """A key -> a spelling of it that programs read: in IPv6 it may differ from `render_ip`."""
    packed = bytes.fromhex(key[1:])
    return socket.inet_ntoa(packed) if key[0] == "4" else socket.inet_ntop(socket.AF_INET6, packed)


def parse_block(text: str) -> tuple[str, str]:
    """A CIDR block or a single address -> its first and last key. Raises ValueError."""
    if "/" not in text:
        key = parse_ip(text)
        return key, key
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        raise ValueError("is not an IP address or a CIDR block such as 192.0.2.0/24") from None
    if isinstance(network, IPv6Network) and network.network_address.ipv4_mapped and network.prefixlen >= 96:
        return parse_ip(str(network[0])), parse_ip(str(network[-1]))
    return _key(network[0]), _key(network[-1])


def _key(address: IPv4Address | IPv6Address) -> str:
    return f"{address.version}{address.packed.hex()}"
