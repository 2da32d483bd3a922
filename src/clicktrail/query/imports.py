"""The keys that an import accepts of each resource, how a row is recognised, and its result."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from clicktrail.errors import Mistake
from clicktrail.model.click import Click, Hit
from clicktrail.query.fields import BANNER, CLICK, LANGUAGE, LINK, PROFILE, SIZE, THEME, Resource

CODE = "code"
"""A column of clicks: the code of the click's link, for a uri without a code."""
FACETS = (LANGUAGE, THEME, SIZE)
POINTERS: Mapping[str, Resource] = {each.id_field.column: each for each in (PROFILE, LINK, BANNER, *FACETS)}
"""Column -> the resource that it references."""
ORDER = (*FACETS, BANNER, PROFILE, LINK, CLICK)
"""Resources that can be imported, in an order in which none references a later one."""
BY_NAME: Mapping[str, Resource] = {resource.name: resource for resource in ORDER}
_RECOGNISED = (CLICK, LINK, BANNER, *FACETS, PROFILE)
"""A row is the first of these resources whose id it has: a click names its link, and a link names its partner."""
_TIMES = ("createTime", "updateTime")
_FOUND_OUT = (
    *("latitude", "longitude", "countryCode"),
    *("utmCampaign", "utmContent", "utmMedium", "utmSource", "utmTerm"),
)
"""Facts that another server found about a click. If the row has them, they are kept."""
TAKEN: Mapping[str, tuple[str, ...]] = {
    CLICK.name: ("clickId", *CLICK.writable, "profileId", "linkId", "bannerId", *_FOUND_OUT, *_TIMES, CODE),
    PROFILE.name: ("profileId", *PROFILE.writable, "country", *_TIMES),
    LINK.name: ("linkId", *LINK.writable, "redirect", *_TIMES),
    BANNER.name: ("bannerId", *BANNER.writable, "languageName", "themeName", "sizeName", *_TIMES),
    **{facet.name: (facet.id_field.name, *facet.writable, *_TIMES) for facet in FACETS},
}
"""Resource -> the keys that an import accepts. All others are left out."""
_ALIASES: Mapping[str, tuple[str, ...]] = {
    "ip": ("ipaddress", "remoteaddr", "remotehost", "clientip"),
    "uri": ("url", "pageurl", "landingpage", "landingurl"),
    "time": ("timestamp", "datetime", "date", "clickedat", "clicktime", "createdat"),
    "userAgent": ("useragent", "ua"),
    "referrer": ("referer",),
    CODE: ("referralcode", "linkcode", "affiliatecode"),
}
"""Key of a click -> other names of its column, the best first."""


class ImportedClick(msgspec.Struct, frozen=True, gc=False):
    """A click from another server: `hit` is the other server's request, `pointers` has old ids by column, `code` is of
    its link."""

    hit: Hit
    click: Click
    pointers: Mapping[str, str]
    code: str | None


@dataclass
class ImportedObject:
    """Any other object: stored values by attribute, and old ids by column. Its contacts are records."""

    resource: Resource
    object_id: str
    values: dict[str, Any]
    pointers: Mapping[str, str]
    update_time: int
    names: Mapping[str, str] = field(default_factory=dict)
    """Only for a banner: the names of its language, theme and size, by column. Missing ones are created."""
    facet_ids: Mapping[str, str] = field(default_factory=dict)
    """Old id of a language, theme or size -> its new id if it is created."""
    notes: tuple[str, ...] = ()


class Imported(msgspec.Struct, frozen=True, gc=False):
    """The result of a row: the status that it would have as a separate request."""

    status: int
    object_id: str | None = None
    mistakes: Sequence[Mistake] = ()
    notes: tuple[str, ...] = ()


def normalise(name: str) -> str:
    """A column's name in lower case, without `_`, `-` and spaces."""
    return name.lower().replace("_", "").replace("-", "").replace(" ", "")


def match_names(kind: str, names: Iterable[str], given: Mapping[str, str]) -> dict[str, str]:
    """Column -> the resource's key that it holds. Each key has at most one column. `given`: key -> column."""
    by_name: dict[str, str] = {}
    for name in names:
        by_name.setdefault(normalise(name), name)
    found = {column: key for key, column in given.items()}
    for key in TAKEN[kind]:
        if key in given:
            continue
        aliases = _ALIASES.get(key, ()) if kind == CLICK.name else ()
        for alias in (normalise(key), *aliases):
            if alias in by_name and by_name[alias] not in found:
                found[by_name[alias]] = key
                break
    return found


def recognise(names: Iterable[str]) -> str | None:
    """The resource's name of rows with these columns; None if no column shows it."""
    names = list(names)
    found = set(match_names(CLICK.name, names, {}).values())
    if {"ip", "uri"} <= found:
        return CLICK.name
    normal = set(map(normalise, names))
    return next((each.name for each in _RECOGNISED if normalise(each.id_field.name) in normal), None)
