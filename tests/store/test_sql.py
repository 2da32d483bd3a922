"""SQL is put together from parts, and no value ever becomes a part of its text."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clicktrail.store.session.sql import Sql, and_, bind, in_, insert_into, join, named, names, number, or_, sql, update
from tests.conftest import AnyEngine

VALUES = st.none() | st.integers(-(2**31), 2**31) | st.text(st.characters(exclude_characters="\0"), max_size=9)
HOSTILE = "{}'; DROP TABLE clicks; -- $1 {0} \\"


def conditions() -> st.SearchStrategy[Sql]:
    leaves = VALUES.map(lambda value: sql("x = {}", value)) | st.lists(VALUES, min_size=1, max_size=3).map(
        lambda values: in_(named("t.x"), values)
    )
    return st.recursive(leaves, lambda inner: st.lists(inner, min_size=1, max_size=3).map(lambda each: or_(each)))


@given(st.lists(conditions(), min_size=1, max_size=4))
def test_values_are_numbered_in_the_order_in_which_they_are_bound(parts: list[Sql]) -> None:
    whole = sql("SELECT {} FROM t WHERE {} LIMIT {}", names(("a", "b"), of="t"), and_(*parts), number(3))
    assert whole.params == tuple(value for part in parts for value in part.params)
    text = whole.numbered()
    places = [text.index(f"${place}") for place in range(1, len(whole.params) + 1)]
    assert places == sorted(places)
    assert "{}" not in text


@given(st.lists(VALUES, min_size=1, max_size=5))
def test_the_text_is_the_same_whatever_is_bound(values: list[Any]) -> None:
    def make(values: list[Any]) -> str:
        return sql("SELECT {} WHERE {}", bind(values), or_(sql("y > {}", value) for value in values)).numbered()

    assert make(values) == make([HOSTILE] * len(values))


def test_what_does_not_fit_is_refused() -> None:
    for wrong in (lambda: sql("a = {}", 1, 2), lambda: sql("a = {} AND b = {}", 1), Sql("a = {}", (1, 2)).numbered):
        with pytest.raises(ValueError, match=r"argument|values for"):
            wrong()
    for text in ("clicks; DROP", "Clicks", "a.b.c", "", "c.", HOSTILE):
        with pytest.raises(ValueError, match="is not the name of a table"):
            named(text)


def test_what_is_written_is_read_back(engine: AnyEngine) -> None:
    row = {"token_id": HOSTILE, "revoke_time": 7}
    engine.run(lambda session: session.rows(insert_into("revoked_tokens", row)))
    its = sql("token_id = {}", HOSTILE)
    engine.run(lambda session: session.rows(update("revoked_tokens", {"revoke_time": 8}, its)))
    columns = join(", ", [sql("t.{}", named(column)) for column in row])
    rows = engine.run(lambda session: session.rows(sql("SELECT {} FROM revoked_tokens t WHERE {}", columns, its)))
    assert rows == [(HOSTILE, 8)]
    engine.run(lambda session: session.rows(sql("DELETE FROM revoked_tokens WHERE {}", its)))
