"""Reads the campaign in the query string of a click's uri."""

from functools import lru_cache
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
    wanted, names = _wanted(code_parameter, banner_parameter)
    found = read_parameters(uri, names)
    return Campaign._make(map(found.get, wanted)) if found else _EMPTY


@lru_cache(maxsize=16)
def _wanted(code_parameter: str, banner_parameter: str) -> tuple[tuple[str, ...], frozenset[str]]:
    """The parameters of a campaign, in the order of its fields; and as a set."""
    wanted = (*Campaign._fields[:5], fold_name(code_parameter), fold_name(banner_parameter))
    return wanted, frozenset(wanted)


_EMPTY = Campaign(*[None] * len(Campaign._fields))
