"""The catalogue: links and banners by the texts that clicks name them with. Immutable; a change replaces it whole."""

from collections.abc import Mapping

import msgspec


class CatalogueLink(msgspec.Struct, frozen=True):
    """The facts of a link that a click needs."""

    link_id: str
    banner_id: str | None
    uri: str | None = None
    """The landing page."""
    enabled: bool = True
    redirect_status: int = 302
    expire_time: int | None = None
    fallback_uri: str | None = None
    profile_id: str | None = None
    """The partner who owns the link."""


class CatalogueBanner(msgspec.Struct, frozen=True):
    """The facts of a banner that a click shows."""

    name: str
    cdn_file_url: str | None


class CatalogueSite(msgspec.Struct, frozen=True):
    """The facts of an enabled site that a page view needs."""

    site_id: str
    origins: frozenset[str]


class CataloguePostback(msgspec.Struct, frozen=True):
    """The facts of a postback that a click needs."""

    postback_id: str
    profile_id: str


class Catalogue(msgspec.Struct, frozen=True):
    """Links by code, partners by link id, banners by id, sites by key, enabled postbacks, and who is notified of a
    click.
    """

    links: Mapping[str, CatalogueLink] = {}
    partners: Mapping[str, str | None] = {}
    """Link id -> its owner, for every link."""
    banners: Mapping[str, CatalogueBanner] = {}
    sites: Mapping[str, CatalogueSite] = {}
    postback_ids: frozenset[str] = frozenset()
    told_of_clicks: Mapping[str, tuple[CataloguePostback, ...]] = {}
    """Link id -> its partner's postbacks for clicks."""
