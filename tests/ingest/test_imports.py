"""Rows of an import, whatever they hold: each is something to store, or a list of what is wrong with it."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from clicktrail.errors import Mistake
from clicktrail.ingest.buffer import Buffer
from clicktrail.ingest.facts import FactFinder, Parameters
from clicktrail.ingest.geo import Geo
from clicktrail.ingest.imports import add_code, parse_imports
from clicktrail.ingest.recorder import Recorder
from clicktrail.model.click import Click
from clicktrail.model.reading import STRICT
from clicktrail.query.imports import TAKEN, ImportedClick, ImportedObject
from clicktrail.store.memory.memory import Memory


class Nowhere:
    """A sink of which nothing is wanted."""

    def submit(self, work: Callable[[], None]) -> None:
        raise NotImplementedError

    def commit_clicks(self, batch: Sequence[Click]) -> dict[str, Click]:
        raise NotImplementedError


MEMORY = Memory()
MEMORY.salts.by_day = {0: b"salt" * 8}
RECORDER = Recorder(Buffer(Nowhere()), FactFinder(Geo(None, None), MEMORY.clock, Parameters()), MEMORY)
KEYS = sorted({key for keys in TAKEN.values() for key in keys})
VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(max_size=12),
        st.sampled_from(
            ["8.8.8.8", "https://x.example/", "2021-01-01T00:00:00Z", "5f5e1000aaaaaaaaaa000001", "840", "US"]
        ),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from([*KEYS, "key", "value", "contactId", "alpha2", "numeric"]), inner, max_size=4),
    ),
    max_leaves=6,
)


@settings(max_examples=100)
@given(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=8), st.booleans())
def test_no_row_breaks_an_import(row: dict[str, Any], is_click: bool) -> None:
    if is_click:
        row |= {"clickId": row.get("clickId", 7), "ip": "8.8.8.8", "uri": "https://x.example/"}
    [parsed] = parse_imports([json.dumps(row).encode()], RECORDER, STRICT)
    if isinstance(parsed, tuple):
        assert parsed
        assert all(isinstance(each, Mistake) and each.detail for each in parsed)
        assert all(each.pointer is not None and " " not in each.pointer for each in parsed)
    else:
        assert isinstance(parsed, ImportedClick | ImportedObject)


def test_the_code_of_a_link_goes_where_its_parameter_is_read() -> None:
    for uri, wanted in (
        ("https://x.example/", "https://x.example/?referral=a%20b"),
        ("https://x.example/?a=1#top", "https://x.example/?a=1&referral=a%20b#top"),
        ("https://x.example/?REFERRAL=other", "https://x.example/?REFERRAL=other"),
        ("https://x.example/?referral=", "https://x.example/?referral=&referral=a%20b"),
    ):
        assert add_code(uri, "referral", "a b") == wanted
