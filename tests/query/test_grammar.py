"""The grammar never fails for the wrong reason, and reads what curl and browsers send alike."""

import contextlib
from urllib.parse import quote, urlencode

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clicktrail.errors import ClicktrailError, InvalidBody, MalformedRequest
from clicktrail.query.cursors import parse_cursor, render_cursor
from clicktrail.query.fields import CLICK, PROFILE, RESOURCES, Resource
from clicktrail.query.forms import parse_form
from clicktrail.query.parse import parse_list
from clicktrail.query.questions import Cursor
from clicktrail.query.urlencoded import parse_parameters

WORDS = [
    "limit",
    "filter[uri]",
    "filter[ip][in]",
    "query[link]",
    "sort_by",
    "cursor",
    "[",
    "]",
    "%",
    "%5B",
    "=",
    "&",
    "+",
    "\xff",
    "1",
]


@given(st.binary(max_size=200))
def test_any_bytes_are_a_query_or_a_refusal(raw: bytes) -> None:
    with contextlib.suppress(MalformedRequest):
        parse_list(raw, CLICK)


@given(st.lists(st.sampled_from(WORDS), max_size=20))
def test_any_mix_of_the_grammar_is_a_query_or_a_refusal(words: list[str]) -> None:
    with contextlib.suppress(MalformedRequest):
        parse_list("".join(words).encode("latin-1"), CLICK)


@given(st.sampled_from(RESOURCES), st.sampled_from(["POST", "PUT", "PATCH"]), st.binary(max_size=100))
def test_any_bytes_are_a_body_or_a_refusal(resource: Resource, method: str, body: bytes) -> None:
    with contextlib.suppress(ClicktrailError):
        parse_form(body, resource, method)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["contacts", "key", "tags", "uuid"]), inner)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from([*PROFILE.writable, "other"]), JSON))
def test_any_json_is_a_body_or_a_refusal(data: dict[str, object]) -> None:
    try:
        parse_form(msgspec.json.encode(data), PROFILE, "PATCH")
    except InvalidBody as error:
        assert error.mistakes


@given(st.lists(st.tuples(st.text(min_size=1), st.text()), max_size=10))
def test_what_a_form_encodes_is_what_is_read(pairs: list[tuple[str, str]]) -> None:
    raw = urlencode(pairs, errors="surrogatepass").encode()
    try:
        found = [(parameter.name, parameter.value) for parameter in parse_parameters(raw)]
    except MalformedRequest:
        assert any(0xD800 <= ord(letter) < 0xE000 for pair in pairs for letter in "".join(pair))
    else:
        assert found == pairs


@pytest.mark.parametrize(
    "query",
    [
        "filter[clickStartTime]=2021-01-01T00:00:00+00:00",
        "filter%5BclickStartTime%5D=2021-01-01T00%3A00%3A00%2B00%3A00",
        "filter[clickStartTime]=2021-01-01T01:00:00+01:00",
        "filter[clickStartTime]=2021-01-01T00:00:00Z",
    ],
)
def test_a_plus_in_a_time_is_a_sign(query: str) -> None:
    assert parse_list(query.encode(), CLICK).conditions[0].values == (1_609_459_200_000_000,)


def test_a_plus_is_a_space_in_texts_and_a_plus_in_contacts() -> None:
    conditions = parse_list(b"filter[userAgent]=a+b&filter[profileContacts]=+123", CLICK).conditions
    assert [condition.values for condition in conditions] == [("a b",), ("+123",)]


def test_a_filter_given_twice_is_one_condition() -> None:
    query = parse_list(b"filter[utmSource]=a&filter[utmSource]=b&filter[utmSource][eq]=c&filter[uri]=d", CLICK)
    assert [condition.values for condition in query.conditions] == [("a", "b", "c"), ("d",)]


@given(st.sampled_from(list(CLICK.sorts)), st.booleans(), st.one_of(st.none(), st.text(), st.integers(-(2**40), 2**40)))
def test_a_cursor_is_read_as_it_was_written(name: str, is_descending: bool, value: str | int | None) -> None:
    sort = CLICK.sorts[name]
    cursor = Cursor(value, "0123456789abcdef01234567")
    try:
        assert parse_cursor(render_cursor(sort, is_descending, cursor), sort, is_descending) == cursor
    except (ValueError, UnicodeError):
        is_by_id = name in ("createTime", "clickId")
        assert is_by_id or not isinstance(value, sort.kind.stored) or "\0" in str(value)


@given(st.text(max_size=60))
def test_any_text_is_a_cursor_or_a_value_error(text: str) -> None:
    with contextlib.suppress(ValueError):
        parse_cursor(text, CLICK.sorts["uri"], True)


def test_a_cursor_of_another_order_is_refused() -> None:
    text = render_cursor(CLICK.sorts["uri"], True, Cursor("x", "0123456789abcdef01234567"))
    for query in (f"cursor={text}", f"sort_by=uri&sort_order=asc&cursor={text}"):
        with pytest.raises(MalformedRequest) as refused:
            parse_list(query.encode(), CLICK)
        assert "sort_by=uri&sort_order=desc" in refused.value.mistakes[0].detail


@pytest.mark.parametrize(
    ("query", "meant"),
    [
        ("filter[time]=2021-01-01", "filter[clickStartTime] or filter[clickEndTime]"),
        ("utmSource=x", "filter[utmSource]"),
        ("utm_source=x", "filter[utmSource]"),
        ("filter[utmSorce]=x", "filter[utmSource]"),
        ("filter[linkid]=x", "filter[linkId]"),
        ("sortBy=time", "sort_by"),
        ("link=1", "query[link]"),
    ],
)
def test_an_unknown_parameter_is_answered_with_the_similar_ones(query: str, meant: str) -> None:
    with pytest.raises(MalformedRequest) as refused:
        parse_list(query.encode(), CLICK)
    assert f"(did you mean {meant}" in refused.value.mistakes[0].detail


def test_hints_are_for_similar_names_and_for_the_first_mistakes_only() -> None:
    for query in ("filter[zzz]=1", "zzz=1", f"{'utmSource' * 9}=1"):
        with pytest.raises(MalformedRequest) as refused:
            parse_list(query.encode(), CLICK)
        assert "did you mean" not in refused.value.mistakes[0].detail
    with pytest.raises(MalformedRequest) as refused:
        parse_list("&".join(f"utmSource{number}=1" for number in range(9)).encode(), CLICK)
    assert ["did you mean" in each.detail for each in refused.value.mistakes] == [True] * 5 + [False] * 4


def test_countries_of_any_language() -> None:
    query = parse_list(f"filter[countryName]={quote('Эстония')}".encode(), CLICK, "ru")
    assert query.conditions[0].values == ("EE",)
