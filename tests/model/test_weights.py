"""What the Accept headers take, by RFC 9110 and by what clients in use send."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clicktrail.model.weights import media_weight, parse_weights

JAVA = "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize(
    ("header", "weight"),
    [
        ("application/json", 1),
        ("APPLICATION/JSON ; Q = 0.5", 0.5),
        ("application/json;charset=utf-8", 1),
        ("application/json;version=1;q=0", 0),
        ("application/json;q=0.3;ext=2", 0.3),
        ("application/json;q=0, */*", 0),
        ("application/*;q=0, */*", 0),
        ("application/*;q=0.4, */*;q=0.9", 0.4),
        ("application/json;q=0, application/json;q=0.2", 0.2),
        ('text/plain;a="b,c", application/json', 1),
        ("application/json;q=none", 0),
        ("application/json;q=1.5", 0),
        ("application/json;q=nan", 0),
        ("application/json;q=-1", 0),
        (JAVA, 0.2),
        ("*", 1),
        (BROWSER, 0.8),
        ("text/html", 0),
        ("json", 0),
        (";q=1", 0),
        (",,", 0),
    ],
)
def test_the_most_specific_range_says_what_a_type_weighs(header: str, weight: float) -> None:
    assert media_weight(parse_weights(header), "application/json") == weight


@given(st.text(max_size=200) | st.lists(st.sampled_from([*"a;,q=0.5*/ \x00", "nan", "e9"]), max_size=60).map("".join))
def test_any_header_is_read(header: str) -> None:
    for name, weight in parse_weights(header).items():
        assert name == name.strip() != ""
        assert 0 <= weight <= 1
