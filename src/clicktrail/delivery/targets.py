"""Allowed targets of postbacks: public addresses, and private networks that the operator has named.

A name is resolved once. All its addresses are checked, and the connection uses one of them, so a name server cannot
give another address to the connection than to the check.
"""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_network

import httpcore

from clicktrail.delivery.lookups import Address, Lookups, UnusableName, is_address

Networks = Sequence[IPv4Network | IPv6Network]


def _blocks(*texts: str) -> Networks:
    return tuple(ip_network(text) for text in texts)


_UNICAST = ip_network("2000::/3")
"""All IPv6 addresses assigned to the internet (RFC 4291, IANA). 64:ff9b::/96 and similar blocks are outside."""
_SPECIAL_4 = _blocks(
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24"),
    *("192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24"),
    *("198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
)
"""All of IANA's special-purpose blocks, which have no public servers; and multicast."""
_SPECIAL_6 = _blocks("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
"""The special-purpose blocks inside 2000::/3. 2002::/16 and Teredo (2001::/32) contain IPv4 addresses."""
_MAX_TRIED = 4


class RefusedTarget(Exception):
    """Names the address that a postback must not go to."""


def is_public(address: Address) -> bool:
    """Whether an address is on the public internet: not special-purpose, not multicast, no embedded IPv4 address.

    The blocks are listed here, because Python's `is_global` differs between versions.
    """
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        return address in _UNICAST and not any(address in block for block in _SPECIAL_6)
    return not any(address in block for block in _SPECIAL_4)


def check_targets(host: str, addresses: Iterable[Address], allowed: Networks) -> None:
    """Raises RefusedTarget if any address of a host is not allowed. The message does not show the address: partners
    read it, and must not learn the addresses of internal names."""
    for address in addresses:
        if not is_public(address) and not any(address in network for network in allowed):
            raise RefusedTarget(f"{host} has an address that is not a public address")


class GuardedNetwork(httpcore.AsyncNetworkBackend):
    """The network of the HTTP client. It refuses connections to targets that are not allowed."""

    def __init__(self, allowed: Networks, lookups: Lookups) -> None:
        self._allowed = allowed
        self._lookups = lookups
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connects to the first address that answers. Raises RefusedTarget for an address that is not allowed,
        UnusableName, OSError, httpcore.ConnectError.
        """
        addresses = await self._lookups.find(host, port)
        try:
            check_targets(host, addresses, self._allowed)
        except RefusedTarget as refused:
            if is_address(host):
                raise
            raise UnusableName(str(refused)) from None
        for address in addresses[: _MAX_TRIED - 1]:
            try:
                return await self._network.connect_tcp(str(address), port, timeout, local_address, socket_options)
            except httpcore.ConnectError:
                if address == addresses[-1]:
                    raise
        return await self._network.connect_tcp(str(addresses[-1]), port, timeout, local_address, socket_options)

    async def sleep(self, seconds: float) -> None:
        await self._network.sleep(seconds)
