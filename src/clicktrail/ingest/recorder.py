"""Makes a click from a hit, and records it."""

import asyncio
from collections.abc import Callable, Sequence

import msgspec

from clicktrail.errors import Unavailable
from clicktrail.ingest.agents import Agent, find_agent, find_agents
from clicktrail.ingest.buffer import Buffer
from clicktrail.ingest.campaign import Campaign, find_campaign
from clicktrail.ingest.geo import Geo, Place
from clicktrail.model.addresses import parse_ip
from clicktrail.model.catalogue import Catalogue, CatalogueLink
from clicktrail.model.click import Click, Hit
from clicktrail.model.ids import created_s
from clicktrail.model.times import SECOND
from clicktrail.model.uris import find_host
from clicktrail.model.visitors import browser_of, visitor_of
from clicktrail.store.memory.memory import Memory

_BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"
_MOST_LATER = 10_000
"""Maximum number of clicks in retry; about 30 MB."""
_PAUSES_S = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""Pauses between retries for a click whose visitor was already redirected: one minute in total."""


class Parameters(msgspec.Struct, frozen=True):
    """The names of uri parameters for a link's code, a banner's id and, to the landing page, a click's id."""

    code: str = "referral"
    banner: str = "banner"
    click: str = "click_id"


def enrich(hit: Hit, click_id: str, geo: Geo, memory: Memory, parameters: Parameters) -> Click:
    """Adds campaign, link, banner, place and visitor to a hit. Unknown values are None; nothing is refused."""
    campaign = find_campaign(hit.uri, parameters.code, parameters.banner)
    return _assemble(hit, click_id, campaign, geo.find(hit.ip), find_agent(hit.user_agent), memory)


def enrich_all(hits: Sequence[Hit], geo: Geo, memory: Memory, parameters: Parameters) -> list[Click]:
    """`enrich` for many hits, column by column: each distinct agent and address is looked up once, and the tables of a
    lookup stay in the processor's cache. Hits without an id get new ones."""
    agents, places = find_agents([hit.user_agent for hit in hits]), geo.find_all([hit.ip for hit in hits])
    campaigns = [find_campaign(hit.uri, parameters.code, parameters.banner) for hit in hits]
    ids = [hit.click_id or memory.ids.new() for hit in hits]
    found = zip(hits, ids, campaigns, places, agents, strict=True)
    return [_assemble(hit, click_id, campaign, place, agent, memory) for hit, click_id, campaign, place, agent in found]


def _assemble(hit: Hit, click_id: str, campaign: Campaign, place: Place, agent: Agent, memory: Memory) -> Click:
    """Every new click, one by one or of many at once, is made here."""
    link, banner_id = _find_link(campaign, memory.published.catalogue)
    time = memory.clock.now_s() if hit.time is None else hit.time
    return Click(
        click_id=click_id,
        time=time,
        referrer=hit.referrer,
        ip=hit.ip,
        uri=hit.uri,
        user_agent=hit.user_agent,
        utm_campaign=campaign.utm_campaign,
        utm_content=campaign.utm_content,
        utm_medium=campaign.utm_medium,
        utm_source=campaign.utm_source,
        utm_term=campaign.utm_term,
        profile_id=None,
        link_id=link.link_id if link is not None else None,
        banner_id=banner_id,
        latitude=place.latitude,
        longitude=place.longitude,
        country_code=place.country_code,
        update_time=created_s(click_id) * SECOND,
        uuid=hit.uuid,
        locale=hit.locale,
        visitor_id=hit.visitor_id,
        visitor=visitor_of(hit.ip, hit.user_agent, time),
        device=agent.device,
        browser=agent.browser,
        os=agent.os,
        bot=agent.bot,
        is_data_centre=place.is_data_centre,
        is_prefetch=hit.is_prefetch,
        name_space=_name_space(hit, memory),
        partner_id=link.profile_id if link is not None else None,
        site_id=hit.site_id,
        referrer_host=find_host(hit.referrer),
    )


def _name_space(hit: Hit, memory: Memory) -> str | None:
    """Anyone can send a uuid with a public key. In its name space it neither matches nor reveals others (ADR 23)."""
    if hit.site_id is None or hit.uuid is None:
        return None
    return f"{hit.site_id}/{browser_of(memory.salts.current, hit.ip, hit.user_agent)}"


def relink(click: Click, catalogue: Catalogue, parameters: Parameters) -> Click:
    """The click with the link, partner and banner of a newer catalogue."""
    campaign = find_campaign(click.uri, parameters.code, parameters.banner)
    link, banner_id = _find_link(campaign, catalogue)
    link_id, partner_id = (link.link_id, link.profile_id) if link is not None else (None, None)
    if (link_id, partner_id, banner_id) == (click.link_id, click.partner_id, click.banner_id):
        return click
    return msgspec.structs.replace(click, link_id=link_id, partner_id=partner_id, banner_id=banner_id)


def _find_link(campaign: Campaign, catalogue: Catalogue) -> tuple[CatalogueLink | None, str | None]:
    """Link and banner: the banner in the uri if it exists, else the link's own."""
    link = catalogue.links.get(campaign.code) if campaign.code is not None else None
    banner_id = campaign.banner_id.lower() if campaign.banner_id is not None else None
    if banner_id is not None and banner_id in catalogue.banners:
        return link, banner_id
    return link, link.banner_id if link is not None else None


class Recorder:
    """Records hits: enriches them by the current catalogue, and waits until they are on disk."""

    def __init__(self, buffer: Buffer, geo: Geo, memory: Memory, parameters: Parameters) -> None:
        self._buffer = buffer
        self._geo = geo
        self._memory = memory
        self.parameters = parameters
        self._later: set[asyncio.Future[None]] = set()

    async def record(self, hit: Hit) -> tuple[Click, bool]:
        """Returns the durable click, and whether it is new. It is not new if an earlier hit had the same uuid.

        Raises Unavailable if it could not be stored: then nothing was.
        """
        click = self.make(hit)
        stored = await (self._buffer.put(click) or self._buffer.add(click))
        return (click, True) if stored is None else (stored, stored.click_id == click.click_id)

    async def record_later(self, hit: Hit, notify: Callable[[str], None]) -> Click:
        """Returns a click that the next commit will store; a failed commit is retried.

        It waits only for room in the buffer. In the end `notify` gets `recorded`, `repeated` or `lost`. Raises
        Unavailable if there is no room, and does not call `notify`.
        """
        click = self.make(hit)
        done = self._buffer.put(click)
        if done is None:
            notify(_outcome(click, await self._buffer.add(click)))
        else:
            done.add_done_callback(lambda settled: self._settle_later(click, settled, notify))
        return click

    async def record_within(self, hit: Hit, wait_s: float, notify: Callable[[str], None]) -> str | None:
        """The id of the durable click; None if the store refused it, or has not answered within `wait_s`.

        In the end `notify` gets `recorded`, `repeated` or `lost`. There is no retry.
        """
        click = self.make(hit)
        done = self._buffer.put(click)
        if done is None:
            notify("lost")
            return None
        done.add_done_callback(
            lambda settled: notify(_outcome(click, settled.result()) if settled.exception() is None else "lost")
        )
        await asyncio.wait({done}, timeout=wait_s)
        return click.click_id if done.done() and done.exception() is None else None

    def _settle_later(
        self, click: Click, settled: "asyncio.Future[Click | None]", notify: Callable[[str], None]
    ) -> None:
        if settled.exception() is None:
            notify(_outcome(click, settled.result()))
        elif len(self._later) >= _MOST_LATER:
            notify("lost")
        else:
            task = asyncio.ensure_future(self._try_again(click, notify))
            self._later.add(task)
            task.add_done_callback(self._later.discard)

    async def _try_again(self, click: Click, notify: Callable[[str], None]) -> None:
        for pause_s in _PAUSES_S:
            await asyncio.sleep(pause_s)
            try:
                notify(_outcome(click, await self._buffer.add(click)))
            except Unavailable:
                continue
            return
        notify("lost")

    def warm_up(self) -> None:
        """Loads what the first click would otherwise wait for: rules of user agents and robots, and geo data."""
        self.make(Hit(ip=parse_ip("192.0.2.1"), uri="https://example.com/", user_agent=_BROWSER))

    def new_id(self) -> str:
        return self._memory.ids.new()

    def make_all(self, hits: Sequence[Hit]) -> list[Click]:
        """The clicks of hits, not yet stored."""
        return enrich_all(hits, self._geo, self._memory, self.parameters)

    def make(self, hit: Hit) -> Click:
        """The click of a hit, not yet stored."""
        return enrich(hit, hit.click_id or self.new_id(), self._geo, self._memory, self.parameters)


def _outcome(click: Click, stored: Click | None) -> str:
    return "recorded" if stored is None or stored.click_id == click.click_id else "repeated"
