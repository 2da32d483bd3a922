"""Counts the groups of one range of a report. Parts that do not add up are counted once more for a total."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from clicktrail.reports.answer import Key
from clicktrail.reports.dimensions import DELAY, DELAYS
from clicktrail.reports.metrics import METRICS, Parts
from clicktrail.reports.question import Question
from clicktrail.store.reads.report_sql import DISTINCT, SUMS, VALUES, count_values, part
from clicktrail.store.session.protocol import Row, Session
from clicktrail.store.session.sql import Sql, and_, join, named, sql

_SIZE = named("p_size")
_LENGTH = "coalesce('v' || length(({})::VARCHAR) || ':' || ({})::VARCHAR, 'n')"


class Arm(NamedTuple):
    """Rows of one kind that are counted: clicks, daily totals, or registrations that happened in the range."""

    dimensions: tuple[Sql, ...]
    values: tuple[Sql, ...]
    """An aggregate for each part, then the number of clicks and registrations."""
    source: Sql
    """FROM and WHERE."""


@dataclass(frozen=True, kw_only=True)
class Counting:
    """One range of a report as SQL."""

    parts: tuple[str, ...]
    """What the arms count."""
    apart: tuple[str, ...] = ()
    """Parts that do not add up, without dimensions: each is counted by itself."""
    dimensions: tuple[Sql, ...]
    clicks: Sql
    """FROM and WHERE of the clicks, for parts that do not add up."""
    pieces: tuple[Sql, ...]
    """The same in pieces of whole UTC days."""
    arms: tuple[Arm, ...]
    """What is counted. A group may be in several of them."""
    whole: "Counting | None" = None
    """The same range without dimensions, if one click may be in several groups: groups then do not sum to the total."""

    @property
    def keys(self) -> tuple[Sql, ...]:
        """The columns of the dimensions in a group."""
        return tuple(named(f"d{place}") for place in range(len(self.dimensions)))

    @property
    def columns(self) -> tuple[Sql, ...]:
        """The columns of a group."""
        return (*self.keys, *map(_column, self.parts))

    def read(self, row: Row) -> tuple[Key, Parts]:
        """A row of `columns`."""
        width = len(self.dimensions)
        return tuple(row[:width]), dict(zip(self.parts, row[width:], strict=True))


@dataclass(frozen=True, kw_only=True)
class Groups:
    """Groups in their order, the total of all groups, and their number."""

    rows: Sequence[tuple[Key, Parts]]
    total: Parts
    number: int


def count_page(
    session: Session, counting: Counting, question: Question, most: int, characters: int | None = None
) -> Groups:
    """Up to `most` groups from `question.offset` on, in the order of the question; none if the dimensions of all groups
    have more than so many `characters`."""
    order = sql("ORDER BY {}", _order(question, counting))
    place = sql("place > {} AND place <= {}", question.offset, question.offset + most)
    return _count(session, counting, order, sql("WHERE {}", and_(place, *_are_short(counting, characters))))


def count_all(session: Session, counting: Counting, most: int, characters: int) -> Groups:
    """Up to `most` groups in any order; none if their dimensions have more than so many `characters`."""
    page = and_(sql("place <= {}", most), *_are_short(counting, characters))
    return _count(session, counting, sql(""), sql("WHERE {}", page))


def _are_short(counting: Counting, characters: int | None) -> list[Sql]:
    if characters is None or not counting.keys:
        return []
    length = join(" + ", [sql("coalesce(length({}::VARCHAR), 0)", key) for key in counting.keys])
    return [sql("(SELECT coalesce(sum({}), 0) FROM g) <= {}", length, characters)]


def count_same(session: Session, counting: Counting, keys: Sequence[Key]) -> Groups:
    """The groups with these keys, as far as there are such groups."""
    return _count(session, counting, sql(""), sql("WHERE {}", _among(counting.keys, keys)))


def _count(session: Session, counting: Counting, order: Sql, page: Sql) -> Groups:
    """One statement for groups and sums, and one for a total of what does not add up."""
    if not counting.dimensions:
        [row] = session.rows(_grouped(counting)) if counting.parts else [()]
        whole = {**counting.read(row)[1], **_count_distinct(session, counting)}
        return Groups(rows=[((), whole)], total=whole, number=1)
    columns = join(", ", counting.columns)
    placed = sql("SELECT row_number() OVER ({}) AS place, {} FROM g", order, columns)
    sums = join(", ", [*(sql("NULL") for _ in counting.keys), *map(_summed, counting.parts)])
    # The total comes first: place 0, and the number of groups in the second column.
    statement = sql(
        "WITH g AS MATERIALIZED ({}) SELECT 0 AS place, count(*) AS size, {} FROM g "
        "UNION ALL SELECT place, 0, {} FROM ({}) p {} ORDER BY 1",
        *(_grouped(counting), sums, columns, placed, page),
    )
    (_, size, *total), *rows = session.rows(statement)
    found = [counting.read(row[2:]) for row in rows]
    if counting.whole is not None:
        return Groups(rows=found, total=_count(session, counting.whole, order, page).total, number=size)
    _, parts = counting.read(tuple(total))
    return Groups(rows=found, total={**parts, **_count_distinct(session, counting)}, number=size)


def count_rest(session: Session, counting: Counting, found: Groups) -> Parts:
    """The parts of everything but the rows of a page."""
    rest = {
        name: (found.total[name] or 0) - sum(parts[name] or 0 for _, parts in found.rows)
        for name in counting.parts
        if name in SUMS
    }
    others = sql("NOT ({})", _among(counting.dimensions, [key for key, _ in found.rows]))
    return rest | _count_distinct(session, counting, others)


def _count_distinct(session: Session, counting: Counting, *more: Sql) -> dict[str, Any]:
    """The parts that do not add up, counted over all clicks of the range for which `more` holds."""
    names = [*(name for name in counting.parts if name in DISTINCT), *counting.apart]
    clicks = and_(counting.clicks, *more)
    once, others = [name for name in names if name in VALUES], [name for name in names if name not in VALUES]
    found: dict[str, Any] = {}
    if once:
        pieces = [and_(piece, *more) for piece in counting.pieces]
        counts = join(", ", [count_values(name, clicks, pieces) for name in once])
        found |= zip(once, session.rows(sql("SELECT {}", counts))[0], strict=True)
    if others:
        values = join(", ", map(part, others))
        found |= zip(others, session.rows(sql("SELECT {} FROM {}", values, clicks))[0], strict=True)
    return found


def _grouped(counting: Counting) -> Sql:
    """One row for each group. Totals may have a group whose clicks were all deleted: it is left out."""
    arms = [_group(arm, (*counting.columns, _SIZE)) for arm in counting.arms]
    if len(arms) == 1:
        return sql("SELECT {} FROM ({}) b", join(", ", counting.columns), arms[0])
    merged = [sql("{}({})::BIGINT", sql("sum" if name in SUMS else "max"), _column(name)) for name in counting.parts]
    both = sql("({}) b", join(" UNION ALL ", arms))
    grouped = _group(Arm(counting.keys, tuple(merged), both), counting.columns)
    return sql("{} HAVING sum({}) > 0", grouped, _SIZE) if counting.dimensions else grouped


def _group(arm: Arm, names: Sequence[Sql]) -> Sql:
    shown = zip((*arm.dimensions, *arm.values), names, strict=True)
    columns = join(", ", [sql("{} AS {}", value, name) for value, name in shown])
    places = ", ".join(str(place + 1) for place in range(len(arm.dimensions)))
    return sql("SELECT {} FROM {}{}", columns, arm.source, sql(f" GROUP BY {places}" if places else ""))


def _column(name: str) -> Sql:
    return named(f"p_{name.lower()}")


def _summed(name: str) -> Sql:
    return sql("coalesce(sum({}), 0)::BIGINT", _column(name)) if name in SUMS else sql("NULL")


def _order(question: Question, counting: Counting) -> Sql:
    """By the metric or dimension that is asked for, then by all dimensions; nulls last."""
    direction = sql("DESC NULLS LAST" if question.is_descending else "ASC NULLS LAST")
    names = [grouping.name for grouping in question.groupings]
    keys = [_sort_key(name, key) for name, key in zip(names, counting.keys, strict=True)]
    value = _sort_value(question.sort) if question.sort in METRICS else keys[names.index(question.sort)]
    return join(", ", [sql("{} {}", value, direction), *(sql("{} ASC NULLS LAST", key) for key in keys)])


def _sort_key(dimension: str, key: Sql) -> Sql:
    """A delay is sorted by its length, not by its letters."""
    return sql("array_position({}::VARCHAR[], {})", list(DELAYS), key) if dimension == DELAY else key


def _sort_value(metric: str) -> Sql:
    numerators, divisor = METRICS[metric].sorts_by
    value = join(" + ", [_column(name) for name in numerators])
    if divisor is None:
        return value
    return sql("coalesce(({})::DOUBLE PRECISION / nullif({}, 0), 0)", value, _column(divisor))


def _among(dimensions: Sequence[Sql], keys: Sequence[Key]) -> Sql:
    """Whether the dimensions have one of these keys. One list of texts, however many dimensions and keys."""
    if not dimensions:
        return sql("TRUE")
    return sql("{} IN (SELECT unnest({}::VARCHAR[]))", _text_of(dimensions), list(map(_key_text, keys)))


def _text_of(dimensions: Sequence[Sql]) -> Sql:
    """All dimensions as one text: each with its length in front, so that no two keys have the same text."""
    return join(" || ", [sql(_LENGTH, each, each) for each in dimensions])


def _key_text(key: Key) -> str:
    texts = [str(value).lower() if isinstance(value, bool) else None if value is None else str(value) for value in key]
    return "".join("n" if text is None else f"v{len(text)}:{text}" for text in texts)
