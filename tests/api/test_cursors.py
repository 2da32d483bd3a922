"""A cursor that the server did not make is refused; it never makes the server fail."""

import base64
import json
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from clicktrail.query.fields import (
    BANNER,
    CLICK,
    DELIVERY,
    LINK,
    PROFILE,
    Resource,
)

ID = "0123456789abcdef01234567"
SORTS = [(resource, name) for resource in (CLICK, LINK, PROFILE, BANNER, DELIVERY) for name in resource.sorts]
HUGE = [10**400, 2**63, -(2**63) - 1, 2**62, 1e308, -1e308, 10**18]
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from(HUGE),
    st.integers(),
    st.floats(),
    st.text(st.characters(exclude_categories=()), max_size=20),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=1),
)


def forge(*parts: Any) -> str:
    """A cursor of any content; JSON beyond what JSON allows included."""
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).rstrip(b"=").decode()


def ask(api: httpx.Client, resource: Resource, name: str, cursor: str) -> httpx.Response:
    more = "&filter[isBot][null]=1" if resource is CLICK else ""  # so that the engine is asked, not memory
    return api.get(f"{resource.path}?sort_by={name}&cursor={quote(cursor)}{more}")


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(SORTS), VALUES)
@example((CLICK, "latitude"), float("nan"))
@example((CLICK, "latitude"), float("inf"))
@example((CLICK, "longitude"), 10**400)
@example((CLICK, "longitude"), True)
@example((CLICK, "uri"), "\ud800")
@example((CLICK, "uri"), "a\0")
@example((CLICK, "time"), 2**63)
@example((CLICK, "tag"), "\udfff")
def test_a_forged_cursor_is_a_page_or_a_mistake(api: httpx.Client, sort: tuple[Resource, str], value: Any) -> None:
    resource, name = sort
    answer = ask(api, resource, name, forge(name, True, value, ID))
    assert answer.status_code in (200, 400), answer.text
    stored = resource.sorts[name].kind.stored
    is_by_id = name in ("createTime", resource.id_field.name)
    if value is not None and (is_by_id or (stored is not float and type(value) is not stored)):
        assert answer.status_code == 400
    if answer.status_code == 400:
        assert answer.json()["errors"][0]["parameter"] == "cursor"


@pytest.mark.parametrize("name", list(CLICK.sorts))
def test_values_that_no_column_holds_are_400(api: httpx.Client, name: str) -> None:
    for value in (*HUGE[:4], float("nan"), float("inf"), float("-inf"), True, [], {}, "\ud800", "\0"):
        assert ask(api, CLICK, name, forge(name, True, value, ID)).status_code == 400, value
    for parts in ([], [name], [name, True, None], [name, True, None, ID, 1], [name, 1, None, ID], [1, True, None, ID]):
        assert ask(api, CLICK, name, forge(*parts)).status_code == 400
    for object_id in ("", "x" * 24, ID + "\n", ID.upper(), 5, None):
        assert ask(api, CLICK, name, forge(name, True, None, object_id)).status_code == 400
