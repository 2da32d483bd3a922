"""Ids, addresses, times, languages: the small pure functions."""

import contextlib
import ipaddress
import threading
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clicktrail.model.addresses import parse_block, parse_ip, render_ip
from clicktrail.model.countries import BY_ALPHA2, choose_language, country_names
from clicktrail.model.ids import IdGenerator, created_s, is_id
from clicktrail.model.metrics import LinkMetrics, conversion_rate
from clicktrail.model.times import parse_time, render_time


class TestIds:
    def test_form_and_order(self) -> None:
        ids = IdGenerator()
        made = [ids.new() for _ in range(5000)]
        assert made == sorted(set(made))
        assert all(is_id(each) for each in made)
        assert abs(created_s(made[0]) - datetime.now(UTC).timestamp()) < 5

    def test_a_clock_that_steps_back_breaks_nothing(self) -> None:
        moments = iter([1000.0, 1001.0, 500.0, 500.5, 1002.0])
        ids = IdGenerator(clock=lambda: next(moments))
        made = [ids.new() for _ in range(5)]
        assert made == sorted(set(made))
        assert [created_s(each) for each in made] == [1000, 1001, 1001, 1001, 1002]

    def test_new_ids_come_after_the_newest_stored_one(self) -> None:
        ids = IdGenerator(clock=lambda: 5.0)
        ids.follow(2**31)
        assert created_s(ids.new()) == 2**31

    def test_threads_never_share_one(self) -> None:
        ids, made = IdGenerator(), []

        def make() -> None:
            made.extend([ids.new() for _ in range(2000)])

        threads = [threading.Thread(target=make) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(set(made)) == 16_000


class TestAddresses:
    @given(st.ip_addresses())
    def test_keys_are_read_back(self, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
        mapped = getattr(address, "ipv4_mapped", None)
        assert render_ip(parse_ip(str(address))) == str(mapped or address)
        assert parse_ip(address.exploded) == parse_ip(str(address).upper())

    @given(st.lists(st.ip_addresses(), min_size=2))
    def test_keys_sort_as_addresses(self, addresses: list[ipaddress.IPv4Address | ipaddress.IPv6Address]) -> None:
        plain = [ipaddress.ip_address(render_ip(parse_ip(str(address)))) for address in addresses]
        expected = sorted(plain, key=lambda address: (address.version, int(address)))
        assert sorted(parse_ip(str(address)) for address in plain) == [parse_ip(str(address)) for address in expected]

    @given(st.text(max_size=50))
    def test_any_text_is_an_address_or_a_value_error(self, text: str) -> None:
        for read in (parse_ip, parse_block):
            with contextlib.suppress(ValueError):
                read(text)

    def test_mapped_blocks_are_ipv4_blocks(self) -> None:
        assert parse_block("::ffff:1.2.3.0/120") == parse_block("1.2.3.0/24") == ("401020300", "4010203ff")


class TestTimes:
    @given(st.datetimes(timezones=st.timezones()))
    def test_times_are_read_back(self, moment: datetime) -> None:
        try:
            us = parse_time(moment.isoformat())
        except ValueError:  # a zone of seconds, or a moment outside the years of UTC
            return
        assert datetime.fromisoformat(render_time(us)) == datetime.fromisoformat(moment.isoformat())
        assert render_time(us).endswith("+00:00")

    @given(st.text(max_size=40))
    def test_any_text_is_a_time_or_a_value_error(self, text: str) -> None:
        with contextlib.suppress(ValueError):
            parse_time(text)


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-AT,de;q=0.9", "de_AT"),
        ("en;q=0.5, pt-BR;q=0.8", "pt_BR"),
        ("xx, fr;q=0.1", "fr"),
        ("de;q=0", "en"),
        ("*", "en"),
        ("zh-Hant-TW", "zh_Hant_TW"),
        ("fr;q=abc, es", "es"),
        ("../../etc/passwd", "en"),
        ("ü", "en"),
    ],
)
def test_the_language_of_a_header(header: str, language: str) -> None:
    assert choose_language(header) == language


@given(st.text(max_size=60))
def test_any_header_is_some_language(header: str) -> None:
    assert country_names(choose_language(header)).keys() == BY_ALPHA2.keys()


@pytest.mark.parametrize(
    ("registrations", "clicks", "rate"),
    [(0, 0, "0.00"), (1, 3, "33.33"), (2, 3, "66.67"), (1, 1, "100.00"), (1, 16, "6.25")],
)
def test_conversion_rate(registrations: int, clicks: int, rate: str) -> None:
    assert conversion_rate(LinkMetrics(clicks=clicks, registrations=registrations)) == rate
