"""The grammar of exports, and the parsed request."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from clicktrail.query.fields import CLICK, LINK, PROFILE, REPORTED, VISITOR
from clicktrail.query.grammar import MAX_OFFSET, Asked, Grammar, Own, choice, flag, order_of, whole_number
from clicktrail.query.questions import ListQuery, View

GROUPS: Mapping[str, tuple[str, ...]] = {
    "visitor": tuple(f"visitor.{field.name}" for field in VISITOR),
    "origin": tuple(f"origin.{field.name}" for field in REPORTED),
    "link": tuple(f"link.{field.name}" for field in LINK.shown),
    "profile": tuple(f"profile.{field.name}" for field in PROFILE.shown),
}
"""Expansion of an export -> its keys."""
KEYS = tuple(field.name for field in CLICK.shown)
"""The default keys of an export."""


@dataclass(frozen=True, slots=True)
class Export:
    """The content of a file of clicks: filters, keys, order and limit."""

    query: ListQuery
    """Filters, order and language. Its page is not used."""
    kind: str
    columns: tuple[str, ...]
    is_sorted: bool
    """Whether the order matters."""
    limit: int | None
    """The number of clicks from the start of the order; None for all."""
    is_raw: bool
    """Whether CSV cells stay unchanged even if a spreadsheet would run them."""


def exporting(formats: Iterable[str]) -> Grammar:
    """The parameters of an export; `formats` are the allowed kinds of file."""
    columns = (
        "Keys of the file, separated by commas. A key of an expansion is `visitor.device`; all its keys are `visitor`."
    )
    raw = "`true` leaves CSV cells unchanged even if a spreadsheet would run them as a formula."
    limit = "The number of clicks from the start of the order; default: all."
    example = "clickId,time,uri,link.code"
    return Grammar(
        resource=CLICK,
        has_filters=True,
        expansions=tuple(GROUPS),
        own=(
            choice("format", "The kind of file.", formats),
            Own(name="columns", doc=columns, read=read_columns, default=(), example=example, is_list=True),
            whole_number("limit", limit, 0, MAX_OFFSET),
            *order_of(CLICK),
            flag("raw", raw),
        ),
    )


def read_export(asked: Asked) -> Export:
    keys = [*(asked.own["columns"] or KEYS)]
    for name in (name for name in GROUPS if name in asked.view.expansions):
        if not any(key in GROUPS[name] for key in keys):
            keys += GROUPS[name]
    return Export(
        replace(asked.listing, view=View(language=asked.view.language)),
        kind=asked.own["format"],
        columns=tuple(dict.fromkeys(keys)),
        is_sorted=bool(asked.given & {"limit", "sort_by", "sort_order"}),
        limit=asked.own["limit"],
        is_raw=asked.own["raw"],
    )


def read_columns(text: str) -> tuple[str, ...]:
    """The keys of a file in order, separated by commas. An expansion means all its keys. Raises ValueError."""
    named = [name.strip() for name in text.split(",") if name.strip()]
    groups = {**{name: (name,) for name in (*KEYS, *(key for keys in GROUPS.values() for key in keys))}, **GROUPS}
    unknown = [name for name in named if name not in groups]
    if unknown:
        allowed = ", ".join((*KEYS, *GROUPS, *(key for keys in GROUPS.values() for key in keys)))
        raise ValueError(f"has no {', '.join(unknown)}; allowed: {allowed}")
    return tuple(key for name in named for key in groups[name])
