"""Stored values as the JSON that is sent. Key order is the field table's."""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Annotated, Any

from clicktrail.http.endpoint.documents import Count, Document, Id, Moment, says
from clicktrail.model.addresses import render_ip
from clicktrail.model.catalogue import Catalogue
from clicktrail.model.click import Click
from clicktrail.model.countries import BY_ALPHA2, country_names
from clicktrail.model.ids import created_s
from clicktrail.model.metrics import LinkMetrics as Figures
from clicktrail.model.metrics import conversion_rate
from clicktrail.model.times import SECOND, render_second, render_time
from clicktrail.query import kinds
from clicktrail.query.fields import CONTACT, LINK, PROFILE, Field, Record, Resource
from clicktrail.query.kinds import Kind, render_degrees
from clicktrail.store.reads.clicks import Shown
from clicktrail.store.reads.metrics import Measured

Json = dict[str, Any]

METRICS = "metrics"
"""The expansion of links and profiles that shows their figures."""


def render_click(click: Click, catalogue: Catalogue, language: str) -> Json:
    """The Click object (contract, section 2)."""
    banner = catalogue.banners.get(click.banner_id) if click.banner_id is not None else None
    banner_url = banner.cdn_file_url if banner is not None else None
    code = click.country_code
    return {
        "clickId": click.click_id,
        "time": render_time(click.time),
        "referrer": click.referrer,
        "ip": render_ip(click.ip) or None,
        "uri": click.uri,
        "userAgent": click.user_agent,
        "utmCampaign": click.utm_campaign,
        "utmContent": click.utm_content,
        "utmMedium": click.utm_medium,
        "utmSource": click.utm_source,
        "utmTerm": click.utm_term,
        "profileId": click.profile_id,
        "linkId": click.link_id,
        "bannerId": click.banner_id,
        "bannerName": banner.name if banner is not None else None,
        "bannerCdnFileUrl": banner_url,
        "cdnFileUrl": banner_url,
        "latitude": None if click.latitude is None else render_degrees(click.latitude),
        "longitude": None if click.longitude is None else render_degrees(click.longitude),
        "countryCode": code,
        "countryName": country_names(language).get(code) if code is not None else None,
        "createTime": render_second(created_s(click.click_id)),
        "updateTime": render_second(click.update_time // SECOND),
        "uuid": click.uuid,
    }


def render_shown(shown: Shown, catalogue: Catalogue, language: str) -> Json:
    document = render_click(shown.click, catalogue, language)
    for name, part in shown.parts.items():
        document[name] = None if part is None else _EXPANSIONS[name](part, language)
    return document


class LinkMetrics(Document):
    """The figures of a link."""

    clicks: Annotated[Count, says("Clicks. Robots are included only on request.")]
    unique_clicks: Annotated[Count, says("First clicks of visitors, each visitor once a day (UTC).")]
    registrations: Annotated[Count, says("Clients.")]
    conversion_rate: Annotated[str, says("Registrations per hundred clicks.", "12.50", pattern=r"^[0-9]+\.[0-9]{2}$")]
    first_click_time: Annotated[Moment | None, says("The time of the first click.")]
    last_click_time: Annotated[Moment | None, says("The time of the last click.")]


def render_metrics(figures: Figures, _: str = "") -> LinkMetrics:
    """A link's figures (contract, section 3, `metrics`)."""
    first, last = figures.first_click_time, figures.last_click_time
    return LinkMetrics(
        clicks=figures.clicks,
        unique_clicks=figures.unique_clicks,
        registrations=figures.registrations,
        conversion_rate=conversion_rate(figures),
        first_click_time=None if first is None else render_time(first),
        last_click_time=None if last is None else render_time(last),
    )


class StayingClicks(Document):
    """The clicks that stay with a link's earlier partner. Only the answer that hands the link over has it."""

    partner_id: Annotated[Id | None, says("The earlier partner; null if the link had none.")]
    clicks: Annotated[Count, says("The partner's clicks on the link.")]


def render_visitor(click: Click, _: str = "") -> Json:
    """All that is known about who clicked."""
    return {
        "device": click.device,
        "browser": click.browser,
        "os": click.os,
        "isBot": None if click.bot is None else click.is_bot,
        "botRule": click.bot or None,
        "isDataCentre": click.is_data_centre,
        "isPrefetch": click.is_prefetch,
        "duplicateOf": click.duplicate_of,
        "visitorId": click.visitor_id,
    }


def render_origin(click: Click, _: str = "") -> Json:
    """Where the click is counted."""
    return {
        "partnerId": click.partner_id,
        "siteId": click.site_id,
        "referrerHost": click.referrer_host,
        "isFirst": click.is_first,
    }


def render_record(resource: Resource, record: Record, language: str, expansions: Collection[str] = ()) -> Json:
    """Any other object, key by key from the field table."""
    document = _render_fields(resource.shown, record, language)
    for name in sorted(expansions):
        document[name] = _render_fields(resource.groups[name], record, language)
    return document


def render_measured(resource: Resource, measured: Measured, language: str, expansions: Collection[str]) -> Json:
    """A link or a profile with its figures."""
    document = render_record(resource, measured.record, language, [name for name in expansions if name != METRICS])
    return {**document, METRICS: render_metrics(measured.metrics)}


def _render_fields(fields: Iterable[Field], record: Record, language: str) -> Json:
    document: Json = {}
    for field in fields:
        value = getattr(record, field.attribute)
        if value is not None and field.kind.render is not None:
            value = field.kind.render(value)
        elif value is not None and field.kind in _SPECIAL:
            value = _SPECIAL[field.kind](value, language)
        document[field.name] = value
    return document


class Country(Document):
    """A country in all its codes (ISO 3166-1), with its name in the language of Accept-Language."""

    alpha2: Annotated[str, says("ISO 3166-1 alpha2.", "US")]
    alpha3: Annotated[str, says("ISO 3166-1 alpha3.", "USA")]
    numeric: Annotated[str, says("ISO 3166-1 numeric.", "840")]
    name: Annotated[str, says("ISO 3166-1 name.", "United States")]


def _render_country(alpha2: str, language: str) -> Country:
    country, name = BY_ALPHA2[alpha2], country_names(language)[alpha2]
    return Country(alpha2=country.alpha2, alpha3=country.alpha3, numeric=country.numeric, name=name)


def _render_contacts(contacts: list[Record], language: str) -> list[Json]:
    return [render_record(CONTACT, contact, language) for contact in contacts]


_SPECIAL: Mapping[Kind, Callable[[Any, str], Any]] = {kinds.COUNTRY: _render_country, kinds.CONTACTS: _render_contacts}
_EXPANSIONS: Mapping[str, Callable[[Any, str], Any]] = {
    "contacts": _render_contacts,
    "link": lambda record, language: render_record(LINK, record, language),
    "metrics": render_metrics,
    "origin": render_origin,
    "profile": lambda record, language: render_record(PROFILE, record, language),
    "visitor": render_visitor,
}
