"""Where postbacks may go, however the address is written or hidden."""

import asyncio
import socket
import time
from ipaddress import IPv6Address, ip_address, ip_network
from pathlib import Path
from typing import Any

import httpcore
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clicktrail.delivery.caller import Caller
from clicktrail.delivery.targets import RefusedTarget, check_targets, is_public
from clicktrail.model.postbacks import sample
from clicktrail.store.outbox.deliveries import Target
from tests.receiver import receiving

PRIVATE = (
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "192.168.0.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "2001:db8::1",
    "2002:7f00:1::",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
)


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_not_public(address: str) -> None:
    assert not is_public(ip_address(address))


SPECIAL = (
    *("0.0.0.0/8", "0.0.0.0/32", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
    *("192.0.0.0/24", "192.0.0.0/29", "192.0.0.8/32", "192.0.0.9/32", "192.0.0.10/32", "192.0.0.170/32"),
    *("192.0.0.171/32", "192.0.0.192/32", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24"),
    *("192.88.99.1/32", "192.88.99.2/32", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24"),
    *("203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "255.255.255.255/32"),
    *("::1/128", "::/128", "::/96", "::ffff:0:0/97", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "100:0:0:1::/64"),
    *("2001::/23", "2001::/32", "2001:1::1/128", "2001:1::2/128", "2001:1::3/128", "2001:2::/48", "2001:3::/32"),
    *("2001:4:112::/48", "2001:10::/28", "2001:20::/28", "2001:30::/28", "2001:db8::/32", "2002::/16"),
    *("2620:4f:8000::/48", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8"),
)
"""IANA's registries of special purposes for IPv4 and IPv6 (2025), multicast, and what was special once."""


@pytest.mark.parametrize("block", SPECIAL)
def test_no_special_purpose_is_public(block: str) -> None:
    if block == "::ffff:0:0/97":  # the mapped addresses are as public as what they stand for
        assert not is_public(ip_address("::ffff:192.0.0.192"))
        return
    network = ip_network(block)
    for address in (network[0], network[network.num_addresses // 2], network[-1]):
        assert not is_public(address)


@given(st.ip_addresses(v=4))
def test_tunnels_lead_nowhere(address: Any) -> None:
    six_to_four = (0x2002 << 112) | (int(address) << 80) | 1
    teredo = (0x20010000 << 96) | (int(address) ^ 0xFFFFFFFF)
    for hidden in (six_to_four, teredo, int(address)):
        assert not is_public(IPv6Address(hidden))


@pytest.mark.parametrize("address", ["192.0.1.1", "192.88.98.255", "192.88.100.0", "198.17.255.255", "2001:200::1"])
def test_their_neighbours_are_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "2a00:1450:4001::1"])
def test_public_ones_are(address: str) -> None:
    assert is_public(ip_address(address))


@given(st.ip_addresses(v=4))
def test_an_address_is_as_private_in_disguise(address: Any) -> None:
    assert is_public(ip_address(f"::ffff:{address}")) == is_public(address)
    assert not is_public(ip_address(f"64:ff9b::{address}"))


def test_one_private_address_of_a_name_is_enough_to_refuse_it() -> None:
    both = [ip_address("8.8.8.8"), ip_address("169.254.169.254")]
    with pytest.raises(RefusedTarget, match=r"tracker\.example has an address that is not a public address"):
        check_targets("tracker.example", both, ())
    check_targets("tracker.example", both, [ip_network("169.254.0.0/16")])


def names(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[tuple[str, int]]:
    """Every name is at these addresses; returns what is connected to."""
    connected: list[tuple[str, int]] = []

    def getaddrinfo(_: str, port: int, **__: object) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    async def connect_tcp(_: object, host: str, port: int, *__: object) -> httpcore.AsyncNetworkStream:
        connected.append((host, port))
        raise httpcore.ConnectError("nobody is there")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", connect_tcp)
    return connected


def call(uri: str) -> tuple[str | None, bool]:
    async def run() -> tuple[str | None, bool]:
        caller = Caller((), 2, 4)
        attempt = await caller.call(Target(uri, "GET", "whsec_AAAA"), sample("0" * 24, 0, None, None))
        await caller.close()
        return attempt.error, attempt.is_final

    return asyncio.run(run())


def test_a_name_that_resolves_to_the_metadata_service_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    connected = names(monkeypatch, "169.254.169.254")
    error, is_final = call("https://innocent.example/latest/meta-data")
    assert error == "innocent.example was not found, or has an address that is not a public address"
    assert not is_final
    assert connected == []


def test_the_connection_goes_to_the_address_that_was_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    connected = names(monkeypatch, "8.8.8.8", "8.8.4.4")
    error, is_final = call("https://tracker.example:8443/x")
    assert connected == [("8.8.8.8", 8443), ("8.8.4.4", 8443)]
    assert error == "cannot be reached: nobody is there"
    assert not is_final


def test_connections_are_kept_and_a_closed_one_costs_no_attempt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiving(tmp_path) as (receiver, trusted):
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))

        async def run() -> list[str | None]:
            caller = Caller([ip_network("127.0.0.0/8")], 5, 4)
            errors = []
            for path in ("/first", "/second", "/close", "/after-close", "/large", "/after-large"):
                target = Target(receiver.url(path), "POST", "whsec_AAAA")
                errors.append((await caller.call(target, sample("0" * 24, 0, None, None))).error)
                await asyncio.sleep(0.05)
            await caller.close()
            return errors

        assert asyncio.run(run()) == [None] * 6
        ports = [each.port for each in receiver.received]
        assert ports[0] == ports[1] == ports[2] != ports[3] == ports[4] != ports[5]


def test_an_endless_answer_ends_with_the_time_that_it_may_take(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving(tmp_path) as (receiver, trusted):
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        receiver.pause_s = 5

        async def run() -> str | None:
            caller = Caller([ip_network("127.0.0.0/8")], 0.5, 4)
            target = Target(receiver.url("/slow"), "GET", "whsec_AAAA")
            error = (await caller.call(target, sample("0" * 24, 0, None, None))).error
            await caller.close()
            return error

        started = time.monotonic()
        assert asyncio.run(run()) == "no answer within 0.5 s"
        assert time.monotonic() - started < receiver.pause_s


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    async def run(uri: str) -> str | None:
        caller = Caller([ip_network("127.0.0.0/8")], 5, 4)
        error = (await caller.call(Target(uri, "GET", "whsec_AAAA"), sample("0" * 24, 0, None, None))).error
        await caller.close()
        return error

    with receiving(tmp_path) as (receiver, _):
        error = asyncio.run(run(receiver.url("/x")))
        assert error is not None
        assert "CERTIFICATE_VERIFY_FAILED" in error
        assert receiver.received == []
