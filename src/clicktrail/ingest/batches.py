"""Many hits at once: each becomes a click, or a list of mistakes."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from clicktrail.errors import Mistake
from clicktrail.ingest.hits import parse_row
from clicktrail.ingest.recorder import Recorder
from clicktrail.model.click import Click, Hit, differences
from clicktrail.model.reading import STRICT, Reading
from clicktrail.query.fields import CLICK


class Row(NamedTuple):
    """One row of a batch: a hit and its click, or mistakes."""

    hit: Hit | None
    click: Click | None
    mistakes: tuple[Mistake, ...] = ()


class Batch(NamedTuple):
    """A batch that is ready to store: its rows, their clicks, and the ids that the caller gave."""

    rows: list[Row]
    clicks: list[Click]
    given: set[str]


def make_batch(bodies: Sequence[bytes], recorder: Recorder, reading: Reading = STRICT) -> Batch:
    parsed = [parse_row(body, reading) for body in bodies]
    hits = [row for row in parsed if isinstance(row, Hit)]
    clicks = recorder.make_all(hits)
    following = iter(clicks)
    rows = [Row(row, next(following)) if isinstance(row, Hit) else Row(None, None, row) for row in parsed]
    return Batch(rows, clicks, {hit.click_id for hit in hits if hit.click_id is not None})


def find_mistakes(batch: Batch) -> list[Mistake]:
    """All mistakes of a batch, with pointers that start with the row."""
    return [
        Mistake(mistake.detail, pointer=f"/{place}{mistake.pointer}")
        for place, row in enumerate(batch.rows)
        for mistake in row.mistakes
    ]


def find_conflicts(batch: Batch, repeated: Mapping[str, Click]) -> list[Mistake]:
    """Rows that differ from the stored click with their uuid or id."""
    return [
        Mistake("differs from the stored click", pointer=f"/{place}/{name}")
        for place, row in enumerate(batch.rows)
        for name in _differences(row, repeated)
    ]


class Judged(NamedTuple):
    """The result of a row: the status of the same request alone, and the click's id or the mistakes."""

    status: int
    click_id: str | None
    mistakes: tuple[Mistake, ...] = ()


def judge_rows(batch: Batch, repeated: Mapping[str, Click]) -> list[Judged]:
    return [_judge(row, repeated) for row in batch.rows]


def _judge(row: Row, repeated: Mapping[str, Click]) -> Judged:
    if row.click is None:
        return Judged(422, None, row.mistakes)
    known = repeated.get(row.click.click_id)
    if known is None:
        return Judged(201, row.click.click_id)
    mistakes = [Mistake("differs from the stored click", pointer=f"/{name}") for name in _differences(row, repeated)]
    return Judged(409 if mistakes else 200, known.click_id, tuple(mistakes))


def _differences(row: Row, repeated: Mapping[str, Click]) -> list[str]:
    """The keys of a row that differ."""
    known = repeated.get(row.click.click_id) if row.click is not None else None
    return [CLICK.keys[name] for name in differences(row.hit, known)] if row.hit and known is not None else []
