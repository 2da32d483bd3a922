"""The grammar of an export: `format columns raw limit sort_by sort_order filter[…] query[…]`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from clicktrail.model.reading import STRICT, Reading
from clicktrail.query import kinds
from clicktrail.query.fields import CLICK, LINK, PROFILE, VISITOR
from clicktrail.query.parse import MAX_OFFSET, Reader, make_condition
from clicktrail.query.questions import ListQuery, View
from clicktrail.query.urlencoded import Parameter, parse_parameters

OWN = ("format", "columns", "raw")
"""Parameters of an export alone."""
_SHARED = ("limit", "sort_by", "sort_order")
GROUPS: Mapping[str, tuple[str, ...]] = {
    "visitor": tuple(f"visitor.{field.name}" for field in VISITOR),
    "link": tuple(f"link.{field.name}" for field in LINK.shown),
    "profile": tuple(f"profile.{field.name}" for field in PROFILE.shown),
}
"""Expansion of an export -> its keys."""
KEYS = tuple(field.name for field in CLICK.shown)
"""The keys that an export has unless it says otherwise."""


@dataclass(frozen=True, slots=True)
class Export:
    """A file of clicks: which, with which keys, as what."""

    query: ListQuery
    """Filters, order and language; its page is not meant."""
    kind: str
    columns: tuple[str, ...]
    is_sorted: bool
    """Whether the order matters."""
    limit: int | None
    """The first so many clicks of the order; None for all."""
    is_raw: bool
    """Whether cells of CSV stay as they are, also where a spreadsheet would run them."""


def parse_export(raw: bytes, formats: Iterable[str], language: str, reading: Reading = STRICT) -> Export:
    """A raw query string -> the export. Raises MalformedRequest naming every mistake."""
    given = parse_parameters(raw)
    reader = Reader(CLICK, [each for each in given if each.name not in OWN], language, reading)
    reader.single |= {each.name: each for each in given if each.name in OWN and each.value}
    allowed = (*OWN, *_SHARED, "filter[…]", *(f"query[{name}]" for name in GROUPS))
    others = (*(f"query[{name}]" for name in sorted(reader.expansions - GROUPS.keys())),)
    for name in (*(reader.single.keys() - {*OWN, *_SHARED}), *others):
        reader.unknown(name, f"is not a parameter here; allowed: {', '.join(allowed)}")
    kinds_of_file = list(formats)
    limit = reader.number("limit", 0, MAX_OFFSET) if "limit" in reader.single else None
    query = ListQuery(
        CLICK,
        CLICK.sorts[reader.choice("sort_by", "createTime", CLICK.sorts)],
        tuple(make_condition(*key, values, language) for key, values in reader.filters.items()),
        is_descending=reader.choice("sort_order", "desc", ("asc", "desc"), is_folded=True) == "desc",
        view=View(language=language),
    )
    export = Export(
        query,
        reader.choice("format", kinds_of_file[0], kinds_of_file),
        _read_columns(reader, [each for each in given if each.name == "columns"]),
        is_sorted=any(name in reader.single for name in _SHARED),
        limit=limit,
        is_raw=bool("raw" in reader.single and reader.attempt("raw", kinds.read_flag, reader.single["raw"].value)),
    )
    reader.finish()
    return export


def _read_columns(reader: Reader, given: Iterable[Parameter]) -> tuple[str, ...]:
    """The keys of the file in their order. An expansion adds all its keys, unless some of them are named."""
    named = [name.strip() for each in given for name in each.value.split(",") if name.strip()]
    groups = {**{name: (name,) for name in (*KEYS, *(key for keys in GROUPS.values() for key in keys))}, **GROUPS}
    unknown = [name for name in named if name not in groups]
    if unknown:
        allowed = ", ".join((*KEYS, *GROUPS, *(key for keys in GROUPS.values() for key in keys)))
        reader.wrong("columns", f"has no {', '.join(unknown)}; allowed: {allowed}")
    keys = [key for name in named for key in groups.get(name, ())] or [*KEYS]
    for name in (name for name in GROUPS if name in reader.expansions):
        if not any(key in GROUPS[name] for key in keys):
            keys += GROUPS[name]
    return tuple(dict.fromkeys(keys))
