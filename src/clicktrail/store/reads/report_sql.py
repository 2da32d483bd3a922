"""The SQL of reports: an aggregate for each part of a metric, an expression for each dimension.

Clicks are `c`. All time is arithmetic on numbers that `reports.zones` computed, so both engines give the same answers
whatever time zones they know. Engines have two functions for this (`session.protocol.Dialect`): `divide` and
`uri_parameter`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo

from clicktrail.model.click import Click
from clicktrail.model.uris import fold_name
from clicktrail.reports.buckets import Run, find_runs
from clicktrail.reports.dimensions import DELAYS, PARAMETER, TIME, Grouping
from clicktrail.reports.periods import Range
from clicktrail.reports.totals import COUNTS
from clicktrail.reports.zones import DAY, HOUR, offset_spans
from clicktrail.store.reads.as_of import NOW, Sources
from clicktrail.store.session.counted import IS_COUNTED
from clicktrail.store.session.sql import Sql, join, named, sql
from clicktrail.store.session.totals import COUNT_SQL

REGISTERED = "registered"
"""The part that is counted over registrations and not over clicks."""
SUMS: Mapping[str, str] = {**COUNT_SQL, "all_clicks": "count(*)", REGISTERED: "0"}
"""Parts that add up over groups."""
_TOTALS: Mapping[str, str] = {
    **{name: f"coalesce(sum(c.{name}), 0)" for name in COUNTS},
    "all_clicks": "coalesce(sum(c.clicks + c.bots), 0)",
    REGISTERED: "0",
}
"""The same parts of daily totals."""
VALUES: Mapping[str, tuple[str, str]] = {
    "visitors": ("c.visitor", IS_COUNTED),
    "browsers": ("c.visitor_id", IS_COUNTED),
    "clients": ("c.profile_id", "TRUE"),
    "active_partners": ("c.partner_id", IS_COUNTED),
    "active_links": ("c.link_id", IS_COUNTED),
}
"""Part -> the values that it counts once each, and which clicks have them."""
DISTINCT: Mapping[str, str] = {
    **{name: f"count(DISTINCT {value}) FILTER (WHERE {which})" for name, (value, which) in VALUES.items()},
    "median_delay": "percentile_disc(0.5) WITHIN GROUP (ORDER BY a.time - c.time)",
    "p90_delay": "percentile_disc(0.9) WITHIN GROUP (ORDER BY a.time - c.time)",
    "first_click_time": f"min(c.time) FILTER (WHERE {IS_COUNTED})",
    "last_click_time": f"max(c.time) FILTER (WHERE {IS_COUNTED})",
}
"""Parts that do not: the total is counted by itself."""
_DELAYS = frozenset({"median_delay", "p90_delay"})
_OTHER_TABLES: Mapping[str, str] = {
    "rule": "a.rule",
    "tag": "t.tag",
    "is_bot": "(c.bot <> '')",
    "bot_rule": "nullif(c.bot, '')",
}
"""Column of a dimension -> expression, where it is not a column of the clicks."""
_REGISTRATION = (
    " LEFT JOIN (SELECT click_id, min(time) AS time, (array_agg(rule ORDER BY time))[1] AS rule FROM {} "
    "r WHERE click_id IS NOT NULL GROUP BY click_id) a ON a.click_id = c.click_id"
)
"""A click has one registration. After a merge of clients it may have two: the first one counts."""
_THE_REGISTRATION = " CROSS JOIN LATERAL (SELECT c.registered_at AS time, c.registered_by AS rule) a"
_TAGS = " LEFT JOIN (SELECT DISTINCT profile_id, tag FROM profile_tags) t ON t.profile_id = c.profile_id"
_EARNED = {
    "link_id": "coalesce(k.link_id, r.link_id)",
    "partner_id": "coalesce(k.partner_id, r.partner_id)",
    "profile_id": "r.profile_id",
    "click_id": "coalesce(k.click_id, '')",
}
_HASHES = ("ip_hash", "uuid_hash")
_NEVER_PLAIN = "&#=+"
"""In the name of a parameter they are always encoded."""
_special = re.compile(r"[\x00-\x7f](?<![A-Za-z0-9_])").match
_of_clicks = re.compile(r"\bc\.([a-z_]+)").findall
_is_plain = re.compile(r"[A-Za-z0-9_]+").fullmatch
_is_percent = re.compile(r"%([0-9a-f])([0-9a-f])").match


@dataclass(frozen=True, kw_only=True)
class Clock:
    """The range, the buckets that it is divided into, and the zone of the clock."""

    range: Range
    zone: tzinfo
    starts: Sequence[int] = ()


def part(name: str) -> Sql:
    """The aggregate of a part."""
    return sql(SUMS.get(name) or DISTINCT[name])


def count_values(name: str, clicks: Sql, pieces: Sequence[Sql]) -> Sql:
    """A part of `VALUES` over all clicks of FROM and WHERE, of which `pieces` are whole UTC days each.

    Values are counted as groups, which is faster. A visitor is of one day, so that pieces of days can be added: each
    needs less memory, and PostgreSQL counts several at a time.
    """
    value, which = map(Sql, VALUES[name])
    groups = "SELECT count(*) AS n FROM (SELECT {} FROM {} AND {} AND {} IS NOT NULL GROUP BY 1) v"
    counts = [sql(groups, value, each, which, value) for each in (pieces if name == "visitors" else [clicks])]
    return sql("(SELECT sum(n)::BIGINT FROM ({}) p)", join(" UNION ALL ", counts))


def parts_of_clicks(parts: Sequence[str]) -> tuple[Sql, ...]:
    """The aggregates of parts over clicks, and the number of clicks."""
    return (*map(part, parts), sql("count(*)"))


def parts_of_totals(parts: Sequence[str]) -> tuple[Sql, ...]:
    """The same over daily totals."""
    return tuple(sql(_TOTALS[name]) for name in (*parts, "all_clicks"))


def parts_of_registrations(parts: Sequence[str]) -> tuple[Sql, ...]:
    """The same over registrations: only `REGISTERED` counts them."""
    values = {REGISTERED: "count(*)"}
    return (*(sql(values.get(name, "0" if name in SUMS else "NULL::BIGINT")) for name in parts), sql("count(*)"))


def clicks_of(
    found: Range, groupings: Sequence[Grouping], parts: Sequence[str], where: Sql, sources: Sources = NOW
) -> Sql:
    """FROM and WHERE of the clicks of a range. `where` has the filters and what the viewer may see."""
    needs_registration = _DELAYS.intersection(parts) or _names(groupings) & {"rule", "delay"}
    joined = sql(_REGISTRATION, sources.registrations) if needs_registration else Sql("")
    tables = sql("{} c{}{}", sources.clicks, joined, Sql(_tags(groupings)))
    return sql("{} WHERE c.time >= {} AND c.time < {} AND {}", tables, *found, where)


def pieces_of(found: Range, count: int) -> list[Range]:
    """A range in at most so many pieces, divided where UTC days begin."""
    days = -(-(found.end - found.start) // (DAY * count)) * DAY
    starts = range(found.start // DAY * DAY, found.end, max(days, DAY))
    return [Range(max(start, found.start), min(start + days, found.end)) for start in starts]


def columns_of(where: Sql) -> frozenset[str]:
    """The columns of the clicks `c` that a condition looks at."""
    return frozenset(_of_clicks(where.text))


def totals_of(table: str, days: Range, where: Sql) -> Sql:
    """FROM and WHERE of the totals of whole days, or of what changes them."""
    return sql("{} c WHERE c.day >= {} AND c.day < {} AND {}", named(table), *days, where)


def registrations_of(found: Range, groupings: Sequence[Grouping], where: Sql, sources: Sources = NOW) -> Sql:
    """FROM and WHERE of the registrations that happened in a range, as if they were clicks, with `registered_at`
    and the rule `registered_by`.

    Each is the click that earned it. A registration by a code alone has only a link, a partner and a client.
    """
    columns = ", ".join(
        f"{_EARNED.get(column, f'k.{column}')} AS {column}" for column in (*Click.__struct_fields__, *_HASHES)
    )
    rows = sql(
        f"SELECT r.time AS registered_at, r.rule AS registered_by, {columns} "
        "FROM {} r LEFT JOIN {} k ON k.click_id = r.click_id "
        "WHERE r.time >= {} AND r.time < {} AND (r.click_id IS NOT NULL OR r.link_id IS NOT NULL)",
        *(sources.registrations, sources.clicks, *found),
    )
    return sql("({}) c{} WHERE {}", rows, sql(_THE_REGISTRATION + _tags(groupings)), where)


def _tags(groupings: Sequence[Grouping]) -> str:
    return _TAGS if "tag" in _names(groupings) else ""


def _names(groupings: Sequence[Grouping]) -> set[str]:
    return {grouping.dimension.name for grouping in groupings}


def dimension(grouping: Grouping, clock: Clock, moment: str = "c.time") -> Sql:
    """The value of a dimension. A bucket of time is its number; `moment` is the time that counts."""
    name, column = grouping.dimension.name, grouping.dimension.column
    if column:
        return sql(_OTHER_TABLES.get(column, f"c.{column}"))
    if name == PARAMETER:
        pattern, key = parameter_pattern(grouping.argument), plain_key(grouping.argument)
        return sql("uri_parameter(c.uri, {}::VARCHAR, {}::VARCHAR)", pattern, key)
    if name == TIME:
        return _choose(moment, find_runs(clock.starts, clock.range.end))
    if name == "delay":
        return _delay()
    return _of_the_clock(name, moment, clock)


def parameter_pattern(name: str) -> str:
    """The pattern of a uri up to the value of a parameter. The last one of this name counts.

    It matches as `model.uris.read_parameters` reads: in any case of A to Z, percent-encoded or not, before a `#`. Each
    case is written out: engines fold other letters, each in its own way. It has no group: groups make a search several
    times slower.
    """
    return rf"^[^?#]*\?(?:[^#]*&)?{_spell(fold_name(name))}="


def plain_key(name: str) -> str | None:
    """`&name=` for a name of letters, digits and `_`, as written in a query without encoded letters; else None."""
    return f"&{fold_name(name)}=" if _is_plain(name) else None


def _spell(name: str) -> str:
    """A name in all its spellings. A `%` may stand for itself, unless two digits in plain follow."""
    pattern, rest = "", name
    while rest:
        found = _is_percent(rest)
        if found is None:
            pattern += (
                f"(?:{_plain(rest[0])}|{_encoded(rest[0])})" if rest[0] not in _NEVER_PLAIN else _encoded(rest[0])
            )
            rest = rest[1:]
            continue
        one, two = found.groups()
        either = f"(?:{_plain(two)}|{_encoded(two)})"
        pattern += f"(?:{_encoded('%')}{_spell(one)}{either}|%{_encoded(one)}{either}|%{_plain(one)}{_encoded(two)})"
        rest = rest[3:]
    return pattern


def _plain(letter: str) -> str:
    """A letter that is not encoded, in both cases."""
    if letter == " ":
        return "[ +]"
    if letter.isascii() and letter.isalpha():
        return f"[{letter}{letter.upper()}]"
    return f"\\{letter}" if _special(letter) else letter


def _encoded(letter: str) -> str:
    """A letter that is percent-encoded, in both cases."""
    cases = {letter, letter.upper()} if letter.isascii() else {letter}
    texts = ("".join(f"%{byte:02x}" for byte in each.encode()) for each in sorted(cases))
    found = ["".join(_plain(digit) for digit in text) for text in texts]
    return found[0] if len(found) == 1 else f"(?:{'|'.join(found)})"


def _choose(moment: str, runs: Sequence[Run]) -> Sql:
    """The number of the bucket: a division within a run of equal buckets, a search for the run."""
    if not runs:
        return sql("0")
    if len(runs) == 1:
        [run] = runs
        return sql(f"({run.first} + divide({moment} - {run.start}, {run.width}))")
    middle = len(runs) // 2
    later, earlier = _choose(moment, runs[middle:]), _choose(moment, runs[:middle])
    return sql(f"CASE WHEN {moment} < {runs[middle].start} THEN {{}} ELSE {{}} END", earlier, later)


def _of_the_clock(name: str, moment: str, clock: Clock) -> Sql:
    """The hour or the weekday that a clock in the zone shows."""
    spans = offset_spans(clock.range.start, clock.range.end, clock.zone)
    base = (clock.range.start + spans[0].offset) // DAY * DAY - DAY
    """A midnight on the local clock, before anything in the range: what is divided is never negative."""
    shifts = [(span.start, base - span.offset) for span in spans]
    since = f"({moment} - {_choose_shift(moment, shifts)})"
    if name == "hourOfDay":
        return sql(f"divide({since}, {HOUR}) % 24")
    weekday = (base // DAY + 3) % 7  # 1 January 1970 was a Thursday
    return sql(f"(divide({since}, {DAY}) + {weekday}) % 7 + 1")


def _choose_shift(moment: str, shifts: Sequence[tuple[int, int]]) -> str:
    if len(shifts) == 1:
        return f"({shifts[0][1]})"
    middle = len(shifts) // 2
    earlier, later = _choose_shift(moment, shifts[:middle]), _choose_shift(moment, shifts[middle:])
    return f"CASE WHEN {moment} < {shifts[middle][0]} THEN {earlier} ELSE {later} END"


def _delay() -> Sql:
    """The class of the time from click to registration; NULL without a click or a registration."""
    bounds = {name: bound for name, bound in DELAYS.items() if bound is not None}
    cases = [sql(f"WHEN a.time - c.time < {bound} THEN {{}}::VARCHAR", name) for name, bound in bounds.items()]
    [rest] = DELAYS.keys() - bounds.keys()
    return sql("CASE WHEN a.time - c.time IS NULL THEN NULL {} ELSE {}::VARCHAR END", join(" ", cases), rest)
