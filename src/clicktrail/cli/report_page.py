"""A report as one HTML page that needs nothing else: its table, and a chart of its first metric as SVG."""

from collections.abc import Sequence
from html import escape
from typing import Any

from clicktrail.http.endpoint.report_rows import find_columns, flatten
from clicktrail.query.reports import Report
from clicktrail.reports.dimensions import TIME

_WIDTH, _HEIGHT, _BAR = 760, 180, 22
_BARS = 30
"""Rows that have a bar; more would not be read."""
_STYLE = """
:root { color-scheme: light dark; --line: #2b6cb0; --pale: #8886; --rule: #8883 }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.3rem; margin: 0 } p { margin: .25rem 0 1.5rem; opacity: .75 }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
th, td { padding: .35rem .6rem; border-bottom: 1px solid var(--rule); text-align: left }
th.n, td.n { text-align: right } tfoot td { font-weight: 600 }
svg { width: 100%; height: auto; margin-bottom: 1.5rem } svg text { font-size: 12px; fill: currentColor }
.wide { overflow-x: auto }
"""


def make_page(wanted: Report, answer: dict[str, Any]) -> str:
    """A whole HTML document."""
    columns = [name for name in find_columns(wanted) if name not in ("isPartial",)]
    rows = [flatten(row) for row in answer["rows"]]
    meta, question = answer["meta"], wanted.question
    by = ", ".join(grouping.name for grouping in question.groupings) or "in all"
    title = f"{question.metrics[0].name} {'by ' if question.groupings else ''}{by}"
    compared = f", compared with {meta['compareFrom']} to {meta['compareTo']}" if meta["compareFrom"] else ""
    span = f"{meta['from']} to {meta['to']} ({meta['zone']}){compared}"
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{escape(title)}</h1><p>{escape(span)}</p>"
        f"{_chart(wanted, rows)}<div class=wide><table>{_head(wanted, columns)}<tbody>"
        f"{''.join(_row(wanted, columns, row) for row in rows)}</tbody>{_foot(wanted, columns, answer)}"
        "</table></div></body></html>"
    )


def _keys(wanted: Report) -> list[str]:
    return [key for each in wanted.question.groupings for key in each.keys]


def _kind(wanted: Report, column: str) -> str:
    return "" if column in _keys(wanted) else " class=n"


def _head(wanted: Report, columns: Sequence[str]) -> str:
    cells = "".join(f"<th{_kind(wanted, name)}>{escape(name)}</th>" for name in columns)
    return f"<thead><tr>{cells}</tr></thead>"


def _row(wanted: Report, columns: Sequence[str], row: dict[str, Any]) -> str:
    cells = "".join(
        f"<td{_kind(wanted, name)}>{escape('–' if row.get(name) is None else str(row[name]))}</td>" for name in columns
    )
    return f"<tr>{cells}</tr>"


def _foot(wanted: Report, columns: Sequence[str], answer: dict[str, Any]) -> str:
    keys, rows = _keys(wanted), []
    if "other" in answer and keys:
        rows.append({**flatten(answer["other"]), keys[0]: f"{answer['other']['groups']} others"})
    if keys:
        rows.append({**flatten(answer["totals"]), keys[0]: "Total"})
    return f"<tfoot>{''.join(_row(wanted, columns, row) for row in rows)}</tfoot>"


def _chart(wanted: Report, rows: Sequence[dict[str, Any]]) -> str:
    """A line over time, else a bar for each row; nothing for a metric that is not a number."""
    name, names = wanted.question.metrics[0].name, [each.dimension.name for each in wanted.question.groupings]
    try:
        values = [float(row[name]) for row in rows]
    except (KeyError, TypeError, ValueError):
        return ""
    if not values or not names:
        return ""
    if names == [TIME]:
        return _line(name, [str(row[TIME]) for row in rows], values)
    return _bars(wanted, rows[:_BARS], values[:_BARS])


def _line(name: str, times: Sequence[str], values: Sequence[float]) -> str:
    top, step = max(values) or 1, _WIDTH / max(len(values) - 1, 1)
    points = " ".join(
        f"{place * step:.1f},{_HEIGHT - value / top * (_HEIGHT - 20):.1f}" for place, value in enumerate(values)
    )
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT + 20}" role="img" aria-label="{escape(name)} over time, at most {top:g}">'
        f'<line x1="0" y1="{_HEIGHT}" x2="{_WIDTH}" y2="{_HEIGHT}" stroke="var(--pale)"/>'
        f'<polyline points="{points}" fill="none" stroke="var(--line)" stroke-width="2"/>'
        f'<text x="0" y="12">{top:g}</text><text x="0" y="{_HEIGHT + 16}">{escape(times[0][:16])}</text>'
        f'<text x="{_WIDTH}" y="{_HEIGHT + 16}" text-anchor="end">{escape(times[-1][:16])}</text></svg>'
    )


def _bars(wanted: Report, rows: Sequence[dict[str, Any]], values: Sequence[float]) -> str:
    top, keys = max(values) or 1, _keys(wanted)
    bars = []
    for place, (row, value) in enumerate(zip(rows, values, strict=True)):
        text = " · ".join(str(row[key])[:40] for key in keys if row.get(key) is not None) or "–"
        middle = place * _BAR + 15
        bars.append(
            f'<text x="0" y="{middle}">{escape(text[:40])}</text><rect x="280" y="{place * _BAR + 4}" height="14" '
            f'width="{value / top * 400:.1f}" fill="var(--line)"/><text x="{288 + value / top * 400:.1f}" y="{middle}">'
            f"{value:g}</text>"
        )
    label = f"{wanted.question.metrics[0].name} of each row"
    size = f"0 0 {_WIDTH} {len(rows) * _BAR + 8}"
    return f'<svg viewBox="{size}" role="img" aria-label="{escape(label)}">{"".join(bars)}</svg>'
