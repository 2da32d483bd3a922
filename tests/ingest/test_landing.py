"""Whatever a visitor's query string says, the landing page's scheme, host, path and fragment stay."""

from urllib.parse import urlsplit

from hypothesis import given
from hypothesis import strategies as st

from clicktrail.ingest.campaign import find_campaign
from clicktrail.ingest.landing import add_parameter, find_landing

AS_READ = {
    "https://a.example": "https://a.example/",
    "https://a.example/": "https://a.example/",
    "http://a.example:8080/x?y=1&utm_term=z#f": "http://a.example:8080/x?y=1&utm_term=z#f",
    "https://a.example/?referral=b": "https://a.example/?referral=b",
    "https://a.example\\@evil.example/": "https://a.example/@evil.example/",
}
"""A landing page, and how browsers read it."""
LANDINGS = st.sampled_from(list(AS_READ))


@given(LANDINGS, st.text(st.characters(codec="latin-1"), max_size=200), st.text(min_size=1, max_size=20))
def test_the_landing_page_stays(landing: str, query: str, code: str) -> None:
    target = add_parameter(find_landing(landing, query, "referral", code), "click_id", "1")
    page, there = urlsplit(AS_READ[landing]), urlsplit(target)
    assert there[:3] + there[4:] == page[:3] + page[4:]
    assert target.isascii()
    assert target.isprintable()
    assert " " not in target
    assert find_campaign(target, "referral", "banner").code == code.replace("\0", "")


@given(LANDINGS, st.sampled_from(["utm_term=w", "UTM_TERM=w", "utm%5fterm=w"]))
def test_a_visitors_utm_wins_over_the_landing_pages(landing: str, query: str) -> None:
    target = find_landing(landing, query, "referral", "c")
    assert find_campaign(target, "referral", "banner").utm_term == "w"
    assert target.lower().count("term=") == 1
