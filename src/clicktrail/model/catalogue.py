"""The catalogue: links and banners by what a click names them with. Immutable; replaced whole when it changes."""

from collections.abc import Mapping

import msgspec


class CatalogueLink(msgspec.Struct, frozen=True):
    """What a click needs to know of its link."""

    link_id: str
    banner_id: str | None
    uri: str | None = None
    """The landing page."""
    enabled: bool = True
    redirect_status: int = 302
    expire_time: int | None = None
    fallback_uri: str | None = None


class CatalogueBanner(msgspec.Struct, frozen=True):
    """What a click shows of its banner."""

    name: str
    cdn_file_url: str | None


class CatalogueSite(msgspec.Struct, frozen=True):
    """What a page view needs to know of its site, which is in use."""

    site_id: str
    origins: frozenset[str]


class CataloguePostback(msgspec.Struct, frozen=True):
    """What a click needs to know of a postback that is to be told of it."""

    postback_id: str
    profile_id: str


class Catalogue(msgspec.Struct, frozen=True):
    """Links by code, link ids, banners by id, sites by key; postbacks that are in use, and who is told of a click."""

    links: Mapping[str, CatalogueLink] = {}
    link_ids: frozenset[str] = frozenset()
    banners: Mapping[str, CatalogueBanner] = {}
    sites: Mapping[str, CatalogueSite] = {}
    postback_ids: frozenset[str] = frozenset()
    told_of_clicks: Mapping[str, tuple[CataloguePostback, ...]] = {}
    """Link id -> the postbacks of its partner that tell of clicks."""
