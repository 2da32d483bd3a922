"""Reads the campaign in the query string of a click's uri."""

from typing import NamedTuple

from clicktrail.model.uris import fold_name, read_parameters


class Campaign(NamedTuple):
    """The five utm fields, the link's code and the banner's id; None if missing in the uri."""

    utm_campaign: str | None
    utm_content: str | None
    utm_medium: str | None
    utm_source: str | None
    utm_term: str | None
    code: str | None
    banner_id: str | None


def find_campaign(uri: str, code_parameter: str, banner_parameter: str) -> Campaign:
    """Reads the query string of `uri`. Keys ignore case, the last value counts, an empty one is None. Never raises."""
    found = read_parameters(uri)
    if not found:
        return _EMPTY
    return Campaign(*map(found.get, (*_UTM, fold_name(code_parameter), fold_name(banner_parameter))))


_UTM = Campaign._fields[:5]
_EMPTY = Campaign(*[None] * len(Campaign._fields))
