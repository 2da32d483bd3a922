"""A report as it is sent."""

from collections.abc import Iterator
from datetime import timedelta, timezone, tzinfo
from typing import Any

from clicktrail.model.countries import country_names
from clicktrail.model.times import LAST_US, render_time
from clicktrail.query.reports import Report
from clicktrail.reports.answer import Answer, Group, Key
from clicktrail.reports.dimensions import TIME
from clicktrail.reports.metrics import MOMENTS, Metric, Parts, changes, shares
from clicktrail.reports.zones import local_time

Json = dict[str, Any]
_MINUTE = timedelta(minutes=1)


def render_report(report: Report, answer: Answer) -> Json:
    """Rows, totals and their meaning."""
    question = report.question
    totals = _figures(question.metrics, answer.total)
    return {
        "rows": list(render_rows(report, answer)),
        **({"other": _render_other(report, answer)} if answer.other is not None else {}),
        "totals": totals,
        "meta": render_meta(report, answer),
    }


def render_rows(report: Report, answer: Answer) -> Iterator[Json]:
    """Each row: its dimensions, its metrics, its shares of the total, and the comparison."""
    metrics = report.question.metrics
    for row in answer.rows:
        yield {
            **_render_key(report, answer, row.key),
            **_show(metrics, row.now),
            "share": shares(metrics, row.now, answer.total.now),
            **_compared(metrics, row),
        }


def _render_other(report: Report, answer: Answer) -> Json:
    if answer.other is None:
        return {}
    return {
        "groups": answer.groups + answer.hidden - len(answer.rows),
        **_figures(report.question.metrics, answer.other),
    }


def _figures(metrics: tuple[Metric, ...], group: Group) -> Json:
    return {**_show(metrics, group.now), **_compared(metrics, group)}


def _compared(metrics: tuple[Metric, ...], group: Group) -> Json:
    if group.before is None:
        return {}
    return {"previous": _show(metrics, group.before), "change": changes(metrics, group.now, group.before)}


def _show(metrics: tuple[Metric, ...], parts: Parts) -> Json:
    values = {metric.name: metric.make(parts) for metric in metrics}
    moments = {name: render_time(values[name]) for name in MOMENTS & values.keys() if values[name] is not None}
    return {**values, **moments}


def _render_key(report: Report, answer: Answer, key: Key) -> Json:
    found: Json = {}
    for grouping, value in zip(report.question.groupings, key, strict=True):
        name = grouping.dimension.name
        if name == TIME:
            found |= _render_bucket(answer, report.question.zone, value)
        elif name == "countryCode":
            names = country_names(report.language)
            found |= {"countryCode": value, "countryName": None if value is None else names.get(value)}
        elif name in answer.names:
            shown = grouping.dimension.shown
            known = answer.names[name].get(value, (None,) * (len(shown) - 1))
            found |= dict(zip(shown, (value, *known), strict=True))
        else:
            found[grouping.name] = value
    return found


def _render_bucket(answer: Answer, zone: tzinfo, number: int) -> Json:
    """The start of a bucket. It is partial if it is not over, or if the range begins or ends within it."""
    ranges = answer.ranges
    start, end = ranges.starts[number], (*ranges.starts[1:], ranges.end_of_last)[number]
    is_partial = start < ranges.current.start or end > min(ranges.current.end, answer.as_of)
    return {TIME: _render_time(start, zone), **({"isPartial": True} if is_partial else {})}


def render_meta(report: Report, answer: Answer) -> Json:
    """The ranges of a report, and the settings that it was made with."""
    zone, current, before = report.question.zone, answer.ranges.current, answer.ranges.before
    return {
        "from": _render_time(current.start, zone),
        "to": _render_time(current.end, zone),
        "compareFrom": None if before is None else _render_time(before.start, zone),
        "compareTo": None if before is None else _render_time(before.end, zone),
        "zone": str(zone),
        "grain": answer.ranges.grain,
        "isPartial": current.end >= answer.as_of,
        "overlaps": any(grouping.dimension.overlaps for grouping in report.question.groupings),
        "asOf": _render_time(answer.as_of, zone),
        "rawFrom": None if answer.raw_from is None else _render_time(answer.raw_from, zone),
        "hidden": answer.hidden,
        "knownAt": None if report.question.known_at is None else _render_time(report.question.known_at, zone),
        "deletedSince": answer.bare,
        "leftOut": answer.left_out,
    }


def _render_time(us: int, zone: tzinfo) -> str:
    """The time on the clock of the zone. Offsets of the time before 1900 have seconds, which RFC 3339 does not allow:
    they are cut. At the ends of the calendar, where some zones have no date, it is the time in UTC."""
    try:
        shown = local_time(us, zone)
    except OverflowError:
        return render_time(min(us, LAST_US))
    offset = shown.utcoffset() or timedelta()
    whole = offset // _MINUTE * _MINUTE
    return (shown if whole == offset else shown.astimezone(timezone(whole))).isoformat()


def find_columns(report: Report) -> dict[str, type]:
    """The columns of a report as a table, each with the type of its values. A key within a key is `share.clicks`."""
    question = report.question
    columns: dict[str, type] = {}
    for grouping in question.groupings:
        columns |= dict.fromkeys(grouping.keys, grouping.dimension.kind)
    columns |= {"isPartial": bool} if question.by_time else {}
    figures: dict[str, type] = {}
    for metric in question.metrics:
        if metric.is_nullable and metric.name not in MOMENTS:
            figures |= {f"{metric.name}.{part}": int for part in ("median", "p90")}
        else:
            figures[metric.name] = str if metric.is_rate or metric.name in MOMENTS else int
    columns |= figures | {f"share.{metric.name}": str for metric in question.metrics if metric.adds_up}
    if question.compare is not None:
        columns |= {f"previous.{name}": kind for name, kind in figures.items()}
        columns |= {f"change.{each.name}": str for each in question.metrics if each.is_rate or not each.is_nullable}
    return columns


def flatten(row: Json, prefix: str = "") -> Json:
    """A row with keys such as `share.clicks` in place of keys within keys."""
    found: Json = {}
    for key, value in row.items():
        found |= flatten(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return found
