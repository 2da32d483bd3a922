"""Cells of CSV that a spreadsheet would run, told apart by Python and by the engine that writes files alike."""

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clicktrail.model.cells import neutralise, restore
from clicktrail.store.exchange.export_columns import cell_sql

BEGINNINGS = ["", "'", "''", "=", "+", "-", "@", "\t", "\r", "\n", "\x00", "\x7f", "\uff1d", " ", "a", "1", "."]
cells = st.builds(
    lambda first, then, rest: first + then + rest, *[st.sampled_from(BEGINNINGS)] * 2, st.text(max_size=5)
)


@pytest.mark.parametrize(
    "cell", ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\tx", "\r=1", "'=1", "-", "\uff1d1", "+1 2", "-1e5"]
)
def test_a_formula_gets_an_apostrophe(cell: str) -> None:
    assert neutralise(cell) == "'" + cell


@pytest.mark.parametrize("cell", ["", "a", "-97.822", "+41791234567", "1=1", "'tis", "it's", "'", "'-5"])
def test_all_else_stays_as_it_is(cell: str) -> None:
    assert neutralise(cell) == restore(cell) == cell


@given(cells)
def test_what_was_neutralised_is_restored(cell: str) -> None:
    assert restore(neutralise(cell)) == cell
    assert not neutralise(cell).startswith(("=", "@", "\t", "\r", "\uff1d"))


@given(st.lists(cells.filter(lambda cell: "\0" not in cell), min_size=1, max_size=50))
def test_the_engine_neutralises_what_python_does(texts: list[str]) -> None:
    with duckdb.connect() as engine:
        rows = engine.execute(f"SELECT {cell_sql('uuid', True)} FROM (SELECT unnest($1) AS uuid) c", [texts]).fetchall()
    assert [row[0] for row in rows] == list(map(neutralise, texts))
