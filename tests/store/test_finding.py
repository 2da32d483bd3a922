"""Clicks are found by their ids, in whatever order these came."""

import random
from functools import partial
from pathlib import Path

import pytest

from clicktrail.errors import NotFound
from clicktrail.model.access import SYSTEM
from clicktrail.model.click import Click
from clicktrail.store.clicks.click_deletes import delete_click
from clicktrail.store.clicks.insert import find_by_id, insert_clicks
from clicktrail.store.migrations import seconds
from clicktrail.store.migrations.fills import fill
from clicktrail.store.reads.clicks import get_click
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.sql import sql
from tests.conftest import AnyEngine, open_engine
from tests.store.test_intake import open_store
from tests.store.test_statements import make_click

SECONDS = (0, 1, 1_700_000_000, 1_700_000_001, 0x80000000, 0xFFFFFFFF)
_WRONG = "SELECT count(*) FROM clicks WHERE created_s IS DISTINCT FROM CAST('0x' || left(click_id, 8) AS BIGINT)"


def out_of_order(draw: random.Random, number: int) -> list[Click]:
    """Clicks whose ids are in no order; several are of the same second."""
    ids = {f"{draw.choice(SECONDS):08x}{draw.getrandbits(64):016x}" for _ in range(number)}
    clicks = [make_click(None, click_id=click_id, uri=f"https://x.example/{click_id}") for click_id in ids]
    draw.shuffle(clicks)
    return clicks


def count_wrong(session: Session) -> int:
    count: int = session.rows(sql(_WRONG))[0][0]
    return count


@pytest.mark.parametrize("seed", range(3))
def test_a_click_is_found_by_its_id(engine: AnyEngine, seed: int) -> None:
    draw = random.Random(seed)
    clicks = out_of_order(draw, 60)
    for start in range(0, len(clicks), 7):
        piece = clicks[start : start + 7]
        engine.run(partial(insert_clicks, clicks=piece, linked=()))
    gone = {click.click_id for click in clicks[::5]}
    for click_id in gone:
        engine.run(partial(delete_click, viewer=SYSTEM, click_id=click_id))
    strangers = {f"{click.click_id[:8]}{draw.getrandbits(64):016x}" for click in clicks}
    for click in clicks:
        if click.click_id not in gone:
            assert engine.run(partial(get_click, viewer=SYSTEM, click_id=click.click_id)).uri == click.uri
            assert engine.run(partial(find_by_id, ids={click.click_id}))
    for click_id in gone | strangers:
        with pytest.raises(NotFound):
            engine.run(partial(get_click, viewer=SYSTEM, click_id=click_id))


def test_recorded_clicks_have_the_seconds_of_their_ids(tmp_path: Path) -> None:
    """Those that come through the journal."""
    embedded = open_store(tmp_path)
    one, *others = out_of_order(random.Random(4), 30)
    embedded.record(lambda session: insert_clicks(session, [one]))
    embedded.record(lambda session: insert_clicks(session, others))
    assert embedded.run(lambda session: session.rows(sql("SELECT count(created_s) FROM clicks"))) == [
        (len(others) + 1,)
    ]
    assert embedded.run(count_wrong) == 0
    embedded.close()


def test_an_old_store_gets_the_seconds_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seconds, "PIECE", 7)
    engine = open_engine(tmp_path, {})
    clicks = out_of_order(random.Random(5), 40)
    engine.run(lambda session: insert_clicks(session, clicks))
    engine.run(lambda session: session.rows(sql("UPDATE clicks SET created_s = NULL WHERE rowid % 3 > 0")))
    engine.run(seconds.fill_seconds)  # a stopped fill
    assert 0 < engine.run(count_wrong) < len(clicks)
    fill(engine)
    assert engine.run(count_wrong) == 0
    for click in clicks:
        assert engine.run(partial(get_click, viewer=SYSTEM, click_id=click.click_id)).uri == click.uri
    engine.close()
