"""Reports: how many, by what, compared with when."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, UnsetType

from clicktrail.http.endpoint.call import COUNT_EXACT, Answer, Call, encode
from clicktrail.http.endpoint.documents import Count, Document, Moment, says
from clicktrail.http.endpoint.operation import Operation
from clicktrail.http.endpoint.paging import next_link
from clicktrail.http.endpoint.report_rows import find_columns, flatten, render_report, render_rows
from clicktrail.http.endpoint.trails import Audit
from clicktrail.model.access import READERS
from clicktrail.query.cursors import render_place
from clicktrail.query.reports import Report, exporting_report, read_report, reporting
from clicktrail.reports import answer as answers
from clicktrail.reports.buckets import Grain
from clicktrail.reports.dimensions import PARAMETER, Dimension
from clicktrail.reports.dimensions import TABLE as DIMENSIONS
from clicktrail.reports.metrics import MOMENTS, Metric
from clicktrail.reports.metrics import TABLE as METRICS
from clicktrail.store.engines.sheets import in_pieces, write_csv, write_ndjson, write_parquet
from clicktrail.store.exchange.export import FORMATS
from clicktrail.store.reads.reports import run_report


class Delays(Document):
    """Seconds from click to registration, each a value that occurred; null without a registration."""

    median: Annotated[int | None, says("Half of the registrations took no longer.", 340)]
    p90: Annotated[int | None, says("Nine of ten registrations took no longer.", 86400)]


Rate = Annotated[str, msgspec.Meta(pattern=r"^-?[0-9]+\.[0-9]{2}$", examples=["2.57"])]


def _metric_type(metric: Metric) -> Any:
    if metric.is_rate:
        return Rate
    if metric.name in MOMENTS:
        return Moment | None
    return Delays if metric.is_nullable else Count


def _key_types(dimension: Dimension) -> list[tuple[str, Any, Any]]:
    return [(key, Annotated[dimension.kind | UnsetType | None, says(dimension.doc)], UNSET) for key in dimension.shown]


_FIGURES = [(each.name, Annotated[_metric_type(each) | UnsetType, says(each.doc)], UNSET) for each in METRICS]
ReportFigures = msgspec.defstruct(
    "ReportFigures", _FIGURES, namespace={"__doc__": "The metrics that the report asks for."}
)
ReportChange = msgspec.defstruct(
    "ReportChange",
    [(each.name, Rate | None | UnsetType, UNSET) for each in METRICS if each.is_rate or not each.is_nullable],
    namespace={"__doc__": "By how many percent each metric changed; null where it was 0. Rates: points."},
)
ReportShare = msgspec.defstruct(
    "ReportShare",
    [(each.name, Rate | UnsetType, UNSET) for each in METRICS if each.adds_up],
    namespace={"__doc__": "How many percent of the total each metric is, for metrics that add up."},
)
_COMPARED = [
    ("previous", Annotated[ReportFigures | UnsetType, says("The range that is compared with.")], UNSET),
    ("change", ReportChange | UnsetType, UNSET),
]
ReportRow = msgspec.defstruct(
    "ReportRow",
    [
        *(key for each in DIMENSIONS if each.name != PARAMETER for key in _key_types(each)),
        ("isPartial", Annotated[bool | UnsetType, says("Whether the bucket is not whole; left out if it is.")], UNSET),
        *_FIGURES,
        ("share", ReportShare | UnsetType, UNSET),
        *_COMPARED,
    ],
    namespace={
        "__doc__": "One group: the keys of its dimensions, and its metrics. `parameter[NAME]` is a key of this name."
    },
)
ReportTotals = msgspec.defstruct(
    "ReportTotals",
    [("groups", Annotated[Count | UnsetType, says("Of `other`: its number of groups.")], UNSET), *_FIGURES, *_COMPARED],
    namespace={"__doc__": "All clicks of the report, or of all groups that are not rows."},
)


class ReportMeta(Document):
    """The ranges of a report."""

    from_: Annotated[Moment, says("The start of the range.")] = msgspec.field(name="from")
    to: Annotated[Moment, says("The end of the range, which is not included.")]
    compare_from: Moment | None
    compare_to: Moment | None
    zone: Annotated[str, says("The time zone.", "Europe/Berlin")]
    grain: Annotated[Grain | None, says("The size of a bucket of `time`.")]
    is_partial: Annotated[bool, says("Whether the range is not over.")]
    overlaps: Annotated[bool, says("Whether one click may be in several rows.")]
    as_of: Annotated[Moment, says("The moment of the report.")]
    raw_from: Annotated[Moment | None, says("Since when all clicks are kept; null: none were deleted by age.")]
    known_at: Annotated[Moment | None, says("The moment whose knowledge was asked for (`as_of`); null: now.")]
    deleted_since: Annotated[
        Count, says("Clicks of the range that were deleted since `knownAt`: only bare facts of them are counted.", 0)
    ]
    left_out: Annotated[Count, says("Clicks that pass the filters and that `period=all` does not reach.", 0)]


class ReportDocument(Document):
    """A report."""

    rows: list[ReportRow]  # type: ignore[valid-type]
    totals: ReportTotals  # type: ignore[valid-type]
    meta: ReportMeta
    other: ReportTotals | UnsetType = UNSET  # type: ignore[valid-type]


SAMPLES = {
    FORMATS["csv"]: "countryCode,countryName,clicks,share.clicks\nDE,Germany,12,60.00\n",
    FORMATS["ndjson"]: '{"countryCode":"DE","countryName":"Germany","clicks":12,"share":{"clicks":"60.00"}}\n',
    FORMATS["parquet"]: None,
}
"""Media type -> the beginning of an example file, for the docs."""


async def get_report(call: Call) -> Answer:
    report = read_report(call.asked, call.reading, COUNT_EXACT in call.preferences)
    answer = await call.ask(run_report, call.viewer, report)
    headers = {"Vary": "Accept-Language"}
    end = report.question.offset + len(answer.rows)
    if end < answer.groups and answer.rows:
        headers["Link"] = next_link(call, "/reports", render_place(report.mark, end, answer.as_of))
    if report.wants_count:
        headers |= {"X-Total-Count": str(answer.groups), "Preference-Applied": COUNT_EXACT}
    body = await asyncio.to_thread(lambda: encode(render_report(report, answer)))  # up to 10,000 rows
    return Answer(200, body, headers=headers)


async def export_report(call: Call) -> Answer:
    report: Report = read_report(call.asked, call.reading)
    headers = {"Content-Disposition": f'attachment; filename="report.{report.kind}"', "Vary": "Accept-Language"}
    return Answer(200, b"", FORMATS[report.kind], headers, stream=stream_report(call, report))


async def stream_report(call: Call, report: Report) -> AsyncGenerator[bytes, None]:
    """The file in pieces. The rows are counted before the first piece; each piece is made when it is sent."""
    with call.services.exports.take(call.viewer.asker):
        pieces = write_file(report, await call.ask(run_report, call.viewer, report))
        while piece := await asyncio.to_thread(next, pieces, b""):
            yield piece


def write_file(report: Report, answer: answers.Answer) -> Iterator[bytes]:
    """The rows of a report as the file that it asks for."""
    rows = render_rows(report, answer)
    if report.kind == "ndjson":
        return in_pieces(write_ndjson(rows))
    columns, cells = find_columns(report), map(flatten, rows)
    is_table = report.kind == "parquet"
    return in_pieces(write_parquet(columns, cells) if is_table else write_csv([*columns], cells, report.is_raw))


OPERATIONS = (
    Operation(
        route="GET /reports",
        handler=get_report,
        name="getReport",
        summary="Count clicks and registrations",
        doc="Every number is exact. Rows, totals, `other` and the comparison come from one snapshot of the store.",
        scopes=READERS,
        query=reporting(),
        answer=ReportDocument,
        statuses=(200, 409, 429, 503),
    ),
    Operation(
        route="GET /reports/export",
        handler=export_report,
        name="exportReport",
        summary="Export a report as CSV, NDJSON or Parquet",
        doc="The rows of the report, all of them, without totals.",
        scopes=READERS,
        query=exporting_report(FORMATS),
        media_type="*/*",
        samples=SAMPLES,
        statuses=(200, 409, 429, 503),
        audit=Audit.ALWAYS,
    ),
)
