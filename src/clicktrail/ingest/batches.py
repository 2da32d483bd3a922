"""Many hits at once: each becomes a click, or a list of mistakes."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, cast

from clicktrail.errors import Mistake
from clicktrail.ingest.hits import parse_row
from clicktrail.ingest.pieces import ReadClick, Rules
from clicktrail.ingest.recorder import MadeClick, Recorder
from clicktrail.model.click import Click, Hit
from clicktrail.model.privacy import differences
from clicktrail.model.reading import STRICT, Reading
from clicktrail.query.fields import CLICK
from clicktrail.store.memory.memory import Memory

Mistakes = tuple[Mistake, ...]


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
    read = recorder.read_all("clicks", bodies, read_hit, reading)
    rows = [
        Row(made.row.hit, made.click) if isinstance(made, MadeClick) else Row(None, None, cast(Mistakes, made))
        for made in read
    ]
    clicks = [row.click for row in rows if row.click is not None]
    given = {row.hit.click_id for row in rows if row.hit is not None and row.hit.click_id is not None}
    return Batch(rows, clicks, given)


def read_hit(body: bytes, rules: Rules) -> ReadClick | tuple[Mistake, ...]:
    """One row of a batch."""
    parsed = parse_row(body, rules.reading)
    return ReadClick(parsed, _NOTHING, _NOTHING) if isinstance(parsed, Hit) else parsed


_NOTHING: Mapping[str, str] = {}


def find_mistakes(batch: Batch) -> list[Mistake]:
    """All mistakes of a batch, with pointers that start with the row."""
    return [
        Mistake(mistake.detail, pointer=f"/{place}{mistake.pointer}")
        for place, row in enumerate(batch.rows)
        for mistake in row.mistakes
    ]


def find_conflicts(batch: Batch, repeated: Mapping[str, Click], memory: Memory) -> list[Mistake]:
    """Rows that differ from the stored click with their uuid or id."""
    return [
        Mistake("differs from the stored click", pointer=f"/{place}/{name}")
        for place, row in enumerate(batch.rows)
        for name in _differences(row, repeated, memory)
    ]


class Judged(NamedTuple):
    """The result of a row: the status of the same request alone, and the click's id or the mistakes."""

    status: int
    click_id: str | None
    mistakes: tuple[Mistake, ...] = ()


def judge_rows(batch: Batch, repeated: Mapping[str, Click], memory: Memory) -> list[Judged]:
    return [_judge(row, repeated, memory) for row in batch.rows]


def _judge(row: Row, repeated: Mapping[str, Click], memory: Memory) -> Judged:
    if row.click is None:
        return Judged(422, None, row.mistakes)
    known = repeated.get(row.click.click_id)
    if known is None:
        return Judged(201, row.click.click_id)
    differing = _differences(row, repeated, memory)
    mistakes = [Mistake("differs from the stored click", pointer=f"/{name}") for name in differing]
    return Judged(409 if mistakes else 200, known.click_id, tuple(mistakes))


def _differences(row: Row, repeated: Mapping[str, Click], memory: Memory) -> list[str]:
    """The keys of a row that differ."""
    known = repeated.get(row.click.click_id) if row.click is not None else None
    if row.hit is None or row.click is None or known is None:
        return []
    differing = differences(row.hit, row.click, known, memory.policy, memory.salts.by_day)
    return [CLICK.keys[name] for name in differing]
