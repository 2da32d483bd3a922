"""What an import takes of each resource, how a row is recognised, and what becomes of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from clicktrail.errors import Mistake
from clicktrail.model.click import Click, Hit
from clicktrail.query.fields import (
    BANNER,
    CLICK,
    LANGUAGE,
    LINK,
    PROFILE,
    SIZE,
    THEME,
    Resource,
)

CODE = "code"
"""A column of clicks: the code of the link that led there, for a uri that does not carry it."""
POINTERS: Mapping[str, Resource] = {
    "profileId": PROFILE,
    "linkId": LINK,
    "bannerId": BANNER,
    "languageId": LANGUAGE,
    "themeId": THEME,
    "sizeId": SIZE,
}
"""Key of an object -> the resource that it points to."""
FACETS = (LANGUAGE, THEME, SIZE)
ORDER = (*FACETS, BANNER, PROFILE, LINK, CLICK)
"""Resources that can be imported, in an order in which nothing points to what comes later."""
BY_NAME: Mapping[str, Resource] = {resource.name: resource for resource in ORDER}
_RECOGNISED = (CLICK, LINK, BANNER, *FACETS, PROFILE)
"""The first of these whose id a row has is what the row is: a click names its link, a link its partner."""
_TIMES = ("createTime", "updateTime")
_FOUND_OUT = (
    *("latitude", "longitude", "countryCode"),
    *("utmCampaign", "utmContent", "utmMedium", "utmSource", "utmTerm"),
)
"""What another server found out about a click; it is kept where the row has it."""
TAKEN: Mapping[str, tuple[str, ...]] = {
    CLICK.name: ("clickId", *CLICK.writable, "profileId", "linkId", "bannerId", *_FOUND_OUT, *_TIMES, CODE),
    PROFILE.name: ("profileId", *PROFILE.writable, "country", *_TIMES),
    LINK.name: ("linkId", *LINK.writable, "redirect", *_TIMES),
    BANNER.name: ("bannerId", *BANNER.writable, "languageName", "themeName", "sizeName", *_TIMES),
    **{facet.name: (facet.id_field.name, *facet.writable, *_TIMES) for facet in FACETS},
}
"""Resource -> the keys that an import takes; all others are left out."""
_ALIASES: Mapping[str, tuple[str, ...]] = {
    "ip": ("ipaddress", "remoteaddr", "remotehost", "clientip"),
    "uri": ("url", "pageurl", "landingpage", "landingurl"),
    "time": ("timestamp", "datetime", "date", "clickedat", "clicktime", "createdat"),
    "userAgent": ("useragent", "ua"),
    "referrer": ("referer",),
    CODE: ("referralcode", "linkcode", "affiliatecode"),
}
"""Key of a click -> other names of its column, the better ones first."""


class ImportedClick(msgspec.Struct, frozen=True, gc=False):
    """A click that another server recorded: `hit` is what was sent there, `pointers` has old ids by column."""

    hit: Hit
    click: Click
    pointers: Mapping[str, str]


@dataclass
class ImportedObject:
    """Any other object: stored values by field, old ids by the key that points."""

    resource: Resource
    object_id: str
    values: dict[str, Any]
    pointers: Mapping[str, str]
    update_time: int
    names: Mapping[str, str] = field(default_factory=dict)
    """Of a banner: the names of its language, theme and size, by key, which are made where they are not there."""
    facet_ids: Mapping[str, str] = field(default_factory=dict)
    """Old id of a language, theme or size -> the id that it gets if it is made."""
    notes: tuple[str, ...] = ()


class Imported(msgspec.Struct, frozen=True, gc=False):
    """What became of a row: the status that it would have had as a request of its own."""

    status: int
    object_id: str | None = None
    mistakes: Sequence[Mistake] = ()
    notes: tuple[str, ...] = ()


def normalise(name: str) -> str:
    """A column's name without letter case, `_`, `-` and spaces."""
    return name.lower().replace("_", "").replace("-", "").replace(" ", "")


def match_names(kind: str, names: Iterable[str], given: Mapping[str, str]) -> dict[str, str]:
    """Column -> the key of the resource that it holds; each key comes from one column. `given`: key -> column."""
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
    """What rows with these columns are: the name of a resource; None where nothing says so."""
    names = list(names)
    found = set(match_names(CLICK.name, names, {}).values())
    if {"ip", "uri"} <= found:
        return CLICK.name
    normal = set(map(normalise, names))
    return next((each.name for each in _RECOGNISED if normalise(each.id_field.name) in normal), None)
