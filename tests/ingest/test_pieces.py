"""Many rows at once, in this process or in a second one, become the clicks that each would become alone."""

import json
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace as with_values

from clicktrail.errors import Mistake
from clicktrail.helper import READERS
from clicktrail.ingest.batches import read_hit
from clicktrail.ingest.buffer import Buffer
from clicktrail.ingest.facts import FactFinder, Parameters
from clicktrail.ingest.geo import Geo
from clicktrail.ingest.helping import LEAST_ROWS, Helper, Request
from clicktrail.ingest.imports import read_import
from clicktrail.ingest.pieces import NeedsStore, Rules, pack_piece, read_piece, unpack_piece
from clicktrail.ingest.recorder import Made, MadeClick, Recorder
from clicktrail.model.catalogue import Catalogue, CatalogueBanner, CatalogueLink
from clicktrail.model.click import Click
from clicktrail.model.reading import STRICT
from clicktrail.opening import make_helper
from clicktrail.query.imports import ImportedObject
from clicktrail.settings import load_settings
from clicktrail.store.memory.memory import Memory
from tests.clock import SetClock
from tests.ingest.test_imports import Nowhere
from tests.waiting import until

BANNER = "5f5e1000aaaaaaaaaa0000bb"
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
)
GOOGLE = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
PHONE = (
    "Mozilla/5.0 (Linux; Android 10; M bot 51) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/99.0 Mobile Safari/537.36"
)
ADDRESSES = [
    "8.8.8.8",
    "2001:4860:4860::8888",
    "::ffff:8.8.8.8",
    "[2001:db8::1]:443",
    " 192.0.2.1:80 ",
    "999.1.1.1",
    "",
]
PAIRS = st.tuples(
    st.sampled_from(["utm_source", "UTM_Source", "utm%5Fcampaign", "utm+x", "referral", "Referral", "banner", "q", ""]),
    st.sampled_from(["", "one", "ONE", "a%20b", "a+b", "%", "%00", "%FF", "größe", BANNER, BANNER.upper(), "x" * 300]),
)
URIS = st.builds(
    lambda base, pairs, end: base + "&".join(f"{name}={value}" for name, value in pairs) + end,
    st.sampled_from(
        ["https://x.example/?", "HTTP://www.bücher.example/a%2Fb?", "myapp://offer?", "javascript:1?", "x"]
    ),
    st.lists(PAIRS, max_size=5),
    st.sampled_from(["", "#utm_source=no", "&alone", "&" + "y" * 9_000]),
)
TIMES = [
    "2021-01-01T00:00:00Z",
    "2021-01-01T00:00:00.123456+05:30",
    "2021-01-01 00:00",
    "1609459200",
    "x",
    "2999-01-01T00:00:00Z",
]
IDS = ["5f5e1000aaaaaaaaaa000001", "5F5E1000AAAAAAAAAA000002", 7, "", None, "ffffffff" + "0" * 16]
REFERRERS = [None, "https://www.b.example/p?q=1", "https://u@www.com:8/", "no url", "android-app://x", "r" * 3_000]
ROWS = st.fixed_dictionaries(
    {"ip": st.sampled_from(ADDRESSES), "uri": URIS},
    optional={
        "clickId": st.sampled_from(IDS),
        "time": st.sampled_from([None, *TIMES]),
        "userAgent": st.sampled_from([None, "", CHROME, GOOGLE, PHONE, "curl/8", "x" * 3_000]),
        "referrer": st.sampled_from(REFERRERS),
        "uuid": st.sampled_from([None, "u", "", "v" * 300, 5]),
        "visitorId": st.sampled_from([None, "w"]),
        "locale": st.sampled_from([None, "de-DE", "\0"]),
        "code": st.sampled_from([None, "one", "a b"]),
        "linkId": st.sampled_from([None, 12]),
        "utmSource": st.sampled_from([None, "theirs"]),
        "countryCode": st.sampled_from([None, "fr", "zz"]),
        "latitude": st.sampled_from([None, "1.5", "x"]),
        "unknown": st.none(),
    },
)
OBJECTS = st.sampled_from([{"profileId": 7, "firstName": "Ada"}, {"linkId": "x"}, [], 1])


def memory_of(clock: SetClock) -> Memory:
    """Of a store with one link and one banner."""
    memory = Memory(clock)
    link = CatalogueLink("5f5e1000aaaaaaaaaa0000aa", None, profile_id="5f5e1000aaaaaaaaaa0000cc")
    memory.published.catalogue = Catalogue(links={"one": link}, banners={BANNER: CatalogueBanner("b", None)})
    return memory


class StillClock(SetClock):
    """Always the same time."""

    def now_us(self) -> int:
        return 1_700_000_000_123_456


MEMORY = memory_of(StillClock())
FINDER = FactFinder(Geo(None, None), MEMORY.clock, Parameters())
RECORDER = Recorder(Buffer(Nowhere()), FINDER, MEMORY)
RULES = Rules(FINDER, replace(STRICT, clock=MEMORY.clock), RECORDER.new_id)


def refuse() -> str:
    raise NeedsStore


def comparable(made: Made) -> Any:
    """Without the ids that are new in each run."""
    if not isinstance(made, MadeClick):
        return made
    new = made.click.click_id[8:18] == MEMORY.ids.process
    click_id = "" if new else made.click.click_id
    hit_id = "" if new and made.row.hit.click_id else made.row.hit.click_id
    return with_values(made.click, click_id=click_id), with_values(made.row.hit, click_id=hit_id), made.row.pointers


def alone(body: bytes, kind: str) -> Any:
    """The row by the steps of a single click."""
    row = READERS[kind](body, RULES)
    if isinstance(row, tuple | ImportedObject):
        return row
    click = RECORDER.make(row.hit)
    return comparable(MadeClick(row, with_values(click, **row.found) if row.found else click, None))


@pytest.mark.parametrize("kind", list(READERS))
@settings(max_examples=150, deadline=None)
@given(st.lists(ROWS | OBJECTS, max_size=6))
def test_many_become_what_each_becomes_alone(kind: str, rows: list[Any]) -> None:
    bodies = [json.dumps(row).encode() for row in rows]
    wanted = [alone(body, kind) for body in bodies]
    together = RECORDER.read_all(kind, bodies, READERS[kind], RULES.reading)
    assert [comparable(made) for made in together] == wanted
    packed = pack_piece(bodies, READERS[kind], RULES._replace(new_id=refuse))
    piece = unpack_piece(packed, bodies, READERS[kind], RULES)
    assert [comparable(made) for made in RECORDER.make_all(piece)] == wanted


def test_the_steps_find_what_they_should() -> None:
    row = {
        "ip": "8.8.8.8",
        "uri": f"https://x.example/?referral=one&banner={BANNER.upper()}&utm_source=a%20b&utm_source=c+d",
        "time": "2021-01-01T00:00:00Z",
        "userAgent": CHROME,
        "referrer": "https://www.b.example/",
    }
    [made] = RECORDER.read_all("clicks", [json.dumps(row).encode()], read_hit, RULES.reading)
    assert isinstance(made, MadeClick)
    click: Click = made.click
    assert (click.link_id, click.partner_id) == ("5f5e1000aaaaaaaaaa0000aa", "5f5e1000aaaaaaaaaa0000cc")
    assert (click.banner_id, click.utm_source, click.country_code) == (BANNER, "c d", "US")
    assert (click.device, click.browser, click.os, click.bot) == ("desktop", "Chrome", "Windows", "")
    assert (click.referrer_host, click.time) == ("b.example", 1_609_459_200_000_000)


@pytest.fixture
def helper(monkeypatch: pytest.MonkeyPatch) -> Iterator[Helper]:
    monkeypatch.setattr("clicktrail.ingest.helping.count_cores", lambda: 2)
    helper = make_helper(load_settings({"referral_parameter": "ref"}, {}))
    yield helper
    helper.close()


def bodies_of(count: int) -> list[bytes]:
    row = {"ip": "8.8.8.8", "userAgent": CHROME, "time": "2021-01-01T00:00:00Z"}
    rows = [
        row | {"clickId": f"5f5e1000{n:016x}", "uri": f"https://x.example/?ref=one&utm_term={n}"} for n in range(count)
    ]
    return [json.dumps(each).encode() for each in [*rows, {"ip": "x", "clickId": 1, "uri": "y"}]]


def ask(helper: Helper, bodies: list[bytes], kind: str = "imports") -> bytes:
    answers: list[bytes] = []

    def has_answer() -> bool:
        answer = helper.ask(Request(kind, is_strict=True, bodies=bodies))
        answers.extend([answer] if answer is not None else [])
        return answer is not None

    until(has_answer, "an answer of the second process")
    return answers[0]


def test_a_second_process_reads_as_this_one_does_and_may_end_at_any_time(helper: Helper) -> None:
    bodies = bodies_of(LEAST_ROWS)
    rules = RULES._replace(facts=FactFinder(Geo(None, None), MEMORY.clock, Parameters(code="ref")))
    wanted = read_piece(bodies, read_import, rules)
    assert helper.ask(Request("imports", is_strict=True, bodies=bodies[:5])) is None  # too few
    links = [b'{"linkId": 1, "uri": null}'] * LEAST_ROWS
    assert helper.ask(Request("imports", is_strict=True, bodies=links)) is None  # no clicks
    assert helper.pid is None
    piece = unpack_piece(ask(helper, bodies), bodies, read_import, rules)
    assert piece == wanted
    assert (piece.facts[3].utm_term, piece.facts[3].code) == ("3", "one")
    last = piece.rows[-1]
    assert isinstance(last, tuple)
    assert {each.pointer for each in last if isinstance(each, Mistake)} == {"/ip", "/uri"}
    assert helper.pid is not None
    first = helper.pid
    os.kill(first, signal.SIGKILL)  # a later piece starts another one
    ask(helper, bodies, "clicks")
    assert helper.pid != first
    process = helper._process
    assert process is not None
    assert process.stdin is not None
    process.stdin.close()  # as when the process that asks is killed
    assert process.wait(30) == 0


def test_a_second_process_that_hangs_is_ended_and_the_rows_are_read_here(
    monkeypatch: pytest.MonkeyPatch, helper: Helper
) -> None:
    bodies = bodies_of(LEAST_ROWS)
    ask(helper, bodies)
    hanging = helper._process
    assert hanging is not None
    monkeypatch.setattr("clicktrail.ingest.helping.WAIT_S", 0.3)
    os.kill(hanging.pid, signal.SIGSTOP)
    assert helper.ask(Request("imports", is_strict=True, bodies=bodies)) is None  # the caller reads them
    assert hanging.returncode == -signal.SIGKILL
    assert helper.pid is None
    monkeypatch.undo()
    monkeypatch.setattr("clicktrail.ingest.helping.count_cores", lambda: 2)
    ask(helper, bodies)  # another process takes its place


@pytest.mark.parametrize("command", [("false",), ("/nowhere",), ("echo", "no frame")])
def test_a_second_process_that_fails_is_given_up(monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]) -> None:
    monkeypatch.setattr("clicktrail.ingest.helping.count_cores", lambda: 2)
    broken = Helper(command, b"")
    pids = set()

    def is_given_up() -> bool:
        assert broken.ask(Request("imports", is_strict=True, bodies=bodies_of(LEAST_ROWS))) is None
        pids.add(broken.pid)
        return broken.has_given_up

    until(is_given_up, "the end of the attempts")
    assert len(pids - {None}) <= 3
    assert broken.pid is None
    broken.close()


def test_one_core_has_no_second_process(monkeypatch: pytest.MonkeyPatch, helper: Helper) -> None:
    monkeypatch.setattr("clicktrail.ingest.helping.count_cores", lambda: 1)
    assert helper.ask(Request("imports", is_strict=True, bodies=bodies_of(LEAST_ROWS))) is None
    assert helper.pid is None
