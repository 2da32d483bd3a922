"""Names of hosts, networks of addresses, codes: pure rules, over all that there is."""

import re
import secrets
from ipaddress import IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from clicktrail.errors import TooManyRequests
from clicktrail.http.endpoint.hosts import parse_host
from clicktrail.http.visitor import lockout as locking
from clicktrail.http.visitor.limits import network_of
from clicktrail.http.visitor.lockout import Lockout
from clicktrail.http.visitor.proxies import find_visitor, read_networks
from clicktrail.model.clock import Clock
from clicktrail.model.codes import PATTERN, check_code
from clicktrail.model.uris import _parse_host, find_host


@given(st.binary(max_size=300))
def test_a_host_can_end_no_header_and_no_url(value: bytes) -> None:
    name = parse_host(value)
    assert name is None or re.fullmatch(r"[a-z0-9_.-]+|\[[0-9a-f:]+\]", name)


@given(st.from_regex(r"[a-z0-9]{1,9}(\.[a-z0-9-]{1,9}){0,3}", fullmatch=True), st.integers(0, 65_535))
def test_a_host_has_one_name_however_it_is_written(name: str, port: int) -> None:
    for written in (name, name.upper(), f"{name}.", f"{name}:{port}", f"{name.title()}.:{port}", f"{name}:"):
        assert parse_host(written.encode()) == name


@given(st.ip_addresses(v=6), st.integers(0, 2**64 - 1))
def test_an_ipv6_network_is_one_customer(address: IPv6Address, interface: int) -> None:
    neighbour = IPv6Address((int(address) >> 64 << 64) | interface)
    if address.ipv4_mapped is None and neighbour.ipv4_mapped is None:
        assert network_of(str(address)) == network_of(str(neighbour))
        assert network_of(str(address)) != network_of(str(IPv6Address((int(address) + (1 << 64)) % (1 << 128))))


def test_an_ipv4_address_counts_for_itself_in_any_spelling() -> None:
    assert network_of("8.8.8.8") == network_of("::ffff:8.8.8.8") == network_of("0:0:0:0:0:ffff:808:808")
    assert network_of("8.8.8.8") != network_of("8.8.8.9")


def test_failures_of_ever_new_networks_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locking, "_MAX_COUNTED", 10)
    lockout = Lockout(2, 300)
    for number in range(100):
        lockout.count_failure(f"2a00:1450:{number:x}::1")
        lockout.count_failure("8.8.8.8")
    with pytest.raises(TooManyRequests):
        lockout.refuse_locked("8.8.8.8")
    lockout.refuse_locked("2a00:1450:1::1")
    assert len(lockout._failures) == 10


def test_a_lock_lasts_from_the_last_failure() -> None:
    clock = SetClock()
    lockout = Lockout(3, 8, clock)
    for moment in (0, 6.7, 6.9):
        clock.passed = moment
        lockout.refuse_locked("8.8.8.8")
        lockout.count_failure("8.8.8.8")
    for moment, left in ((7.2, "8"), (8.3, "7"), (14.8, "1")):
        clock.passed = moment
        with pytest.raises(TooManyRequests) as refused:
            lockout.refuse_locked("8.8.8.8")
        assert refused.value.headers["Retry-After"] == left
    clock.passed = 15
    lockout.refuse_locked("8.8.8.8")


class SetClock(Clock):
    passed = 0.0

    def passed_s(self) -> float:
        return self.passed


@given(st.text(min_size=1, max_size=20))
def test_a_code_that_is_taken_is_one_part_of_a_path(code: str) -> None:
    try:
        check_code(code)
    except ValueError:
        return
    assert code.isprintable()
    assert re.search(PATTERN, code)


def test_codes_that_are_made_are_taken() -> None:
    for _ in range(1_000):
        check_code(secrets.token_urlsafe(8))


@pytest.mark.parametrize("header", ["x-forwarded-for", "forwarded"])
def test_the_zone_of_an_address_is_left_out(header: str) -> None:
    """A zone names an interface of another machine; with it, each request could count as another visitor."""
    said = {"x-forwarded-for": "fe80::1%eth0", "forwarded": 'for="[fe80::1%25eth0]"'}[header]
    assert find_visitor("10.0.0.1", Headers({header: said}), read_networks("10.0.0.0/8")) == "fe80::1"


@pytest.mark.parametrize(
    ("referrer", "host"),
    [
        ("HTTPS://user:secret@WWW.Example.org:8443/page?a=1#b", "example.org"),
        ("http://blog.example.org", "blog.example.org"),
        ("https://www.com/", "www.com"),
        ("https://www.www.example.org/", "www.example.org"),
        ("https://b\u00fccher.example/", "xn--bcher-kva.example"),
        ("http://[2001:DB8::1]:80/", "[2001:db8::1]"),
        ("http://8.8.8.8/", "8.8.8.8"),
        ("android-app://com.google.android.gm/", None),
        ("httpx://example.org/", None),
        ("http://ex ample/", None),
        ("example.org", None),
        ("", None),
        (None, None),
    ],
)
def test_the_host_of_a_referrer(referrer: str | None, host: str | None) -> None:
    assert find_host(referrer) == host


@given(st.text(max_size=60))
def test_any_referrer_has_a_host_or_none(text: str) -> None:
    for referrer in (text, f"https://{text}", f"http://www.{text}"):
        found = find_host(referrer)
        assert found is None or (found == found.lower() and found)


@given(st.from_regex(r"https?://[A-Za-z0-9._-]{1,20}/", fullmatch=True), st.text(max_size=30))
def test_the_path_does_not_change_the_host_of_a_referrer(origin: str, path: str) -> None:
    """The host is remembered by the start of the URL."""
    assert find_host(origin + path) == _parse_host(origin + path)
