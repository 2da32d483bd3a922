"""IP addresses as sort keys.

The store keeps one text per address: `4` and 8 hex digits, or `6` and 32. These keys sort like addresses (IPv4 before
IPv6), a CIDR block is a range of keys, and all spellings of one address have one key.
"""

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


@lru_cache(maxsize=65536)
def render_ip(key: str) -> str:
    """A key -> the canonical spelling (RFC 5952 for IPv6)."""
    packed = bytes.fromhex(key[1:])
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
