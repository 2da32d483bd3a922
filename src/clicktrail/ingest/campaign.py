"""Reads the campaign in the query string of a click's uri."""

from typing import NamedTuple

from clicktrail.model.uris import read_parameters


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
    find = found.get
    return Campaign(
        utm_campaign=find("utm_campaign"),
        utm_content=find("utm_content"),
        utm_medium=find("utm_medium"),
        utm_source=find("utm_source"),
        utm_term=find("utm_term"),
        code=find(code_parameter.lower()),
        banner_id=find(banner_parameter.lower()),
    )


_EMPTY = Campaign(
    utm_campaign=None, utm_content=None, utm_medium=None, utm_source=None, utm_term=None, code=None, banner_id=None
)
