"""Makes a click from a hit, and records it."""

import asyncio
from collections.abc import Callable, Sequence

import msgspec

from clicktrail.errors import Mistake, Unavailable
from clicktrail.ingest.buffer import Buffer
from clicktrail.ingest.campaign import find_campaign
from clicktrail.ingest.facts import FactFinder, Facts, Parameters
from clicktrail.ingest.helping import Helper, Request
from clicktrail.ingest.pieces import Piece, ReadClick, ReadOne, Rules, read_piece, unpack_piece
from clicktrail.model.catalogue import Catalogue, CatalogueLink
from clicktrail.model.click import Click, Hit
from clicktrail.model.ids import created_s
from clicktrail.model.reading import Reading
from clicktrail.model.times import SECOND
from clicktrail.model.visitors import browser_of
from clicktrail.query.imports import ImportedObject
from clicktrail.store.memory.memory import Memory

_MOST_LATER = 10_000
"""Maximum number of clicks in retry; about 30 MB."""
_PAUSES_S = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""Pauses between retries for a click whose visitor was already redirected: one minute in total."""


def assemble(hit: Hit, facts: Facts, click_id: str, memory: Memory) -> Click:
    """Makes a click of a hit, what is known about it, and the current catalogue. Every new click is made here, one by
    one or of many at once."""
    link, banner_id = _find_link(facts.code, facts.banner_id, memory.published.catalogue)
    return Click(
        click_id=click_id,
        time=facts.time,
        referrer=hit.referrer,
        ip=hit.ip,
        uri=hit.uri,
        user_agent=hit.user_agent,
        utm_campaign=facts.utm_campaign,
        utm_content=facts.utm_content,
        utm_medium=facts.utm_medium,
        utm_source=facts.utm_source,
        utm_term=facts.utm_term,
        profile_id=None,
        link_id=link.link_id if link is not None else None,
        banner_id=banner_id,
        latitude=facts.latitude,
        longitude=facts.longitude,
        country_code=facts.country_code,
        update_time=created_s(click_id) * SECOND,
        uuid=hit.uuid,
        locale=hit.locale,
        visitor_id=hit.visitor_id,
        visitor=facts.visitor,
        device=facts.device,
        browser=facts.browser,
        os=facts.os,
        bot=facts.bot,
        is_data_centre=facts.is_data_centre,
        is_prefetch=hit.is_prefetch,
        name_space=_name_space(hit, memory),
        partner_id=link.profile_id if link is not None else None,
        site_id=hit.site_id,
        referrer_host=facts.referrer_host,
    )


def _name_space(hit: Hit, memory: Memory) -> str | None:
    """Anyone can send a uuid with a public key. In its name space it neither matches nor reveals others (ADR 23)."""
    if hit.site_id is None or hit.uuid is None:
        return None
    return f"{hit.site_id}/{browser_of(memory.salts.current, hit.ip, hit.user_agent)}"


def relink(click: Click, catalogue: Catalogue, parameters: Parameters) -> Click:
    """The click with the link, partner and banner of a newer catalogue."""
    campaign = find_campaign(click.uri, parameters.code, parameters.banner)
    link, banner_id = _find_link(campaign.code, campaign.banner_id, catalogue)
    link_id, partner_id = (link.link_id, link.profile_id) if link is not None else (None, None)
    if (link_id, partner_id, banner_id) == (click.link_id, click.partner_id, click.banner_id):
        return click
    return msgspec.structs.replace(click, link_id=link_id, partner_id=partner_id, banner_id=banner_id)


def _find_link(
    code: str | None, banner_id: str | None, catalogue: Catalogue
) -> tuple[CatalogueLink | None, str | None]:
    """Link and banner: the banner in the uri if it exists, else the link's own."""
    link = catalogue.links.get(code) if code is not None else None
    banner_id = banner_id.lower() if banner_id is not None else None
    if banner_id is not None and banner_id in catalogue.banners:
        return link, banner_id
    return link, link.banner_id if link is not None else None


class MadeClick(msgspec.Struct, frozen=True, gc=False):
    """A row, its click with what another server had found, and the code of its link."""

    row: ReadClick
    click: Click
    code: str | None


Made = MadeClick | ImportedObject | tuple[Mistake, ...]


class Recorder:
    """Records hits: enriches them by the current catalogue, and waits until they are on disk."""

    def __init__(self, buffer: Buffer, facts: FactFinder, memory: Memory, helper: Helper | None = None) -> None:
        self._buffer = buffer
        self.facts, self.parameters = facts, facts.parameters
        self.helper = helper
        self._memory = memory
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
        """Loads what the first click would otherwise wait for."""
        self.facts.warm_up()

    def new_id(self) -> str:
        return self._memory.ids.new()

    def make(self, hit: Hit) -> Click:
        """The click of a hit, not yet stored."""
        return assemble(hit, self.facts.find(hit), hit.click_id or self.new_id(), self._memory)

    def make_many(self, hits: Sequence[Hit]) -> list[Click]:
        """The clicks of hits, not yet stored. Sooner done than one by one."""
        memory, new_id = self._memory, self.new_id
        return [
            assemble(hit, facts, hit.click_id or new_id(), memory)
            for hit, facts in zip(hits, self.facts.find_all(hits), strict=True)
        ]

    def put(self, click: Click, done: "asyncio.Future[Click | None]") -> bool:
        """Whether there is room for a click that was made here. `done` then gets the result of `Buffer.add`."""
        return self._buffer.put(click, done) is not None

    def read_all(self, kind: str, bodies: Sequence[bytes], read: ReadOne, reading: Reading) -> list[Made]:
        """Reads rows and makes the clicks among them, in the second process if it is free. `kind`: as in `Request`."""
        rules = Rules(self.facts, reading, self.new_id)
        packed = None if self.helper is None else self.helper.ask(Request(kind, reading.is_strict, bodies))
        piece = read_piece(bodies, read, rules) if packed is None else unpack_piece(packed, bodies, read, rules)
        return self.make_all(piece)

    def make_all(self, piece: Piece) -> list[Made]:
        facts = iter(piece.facts)
        return [self._make_read(row, next(facts)) if isinstance(row, ReadClick) else row for row in piece.rows]

    def close(self) -> None:
        """Ends the second process, if there is one."""
        if self.helper is not None:
            self.helper.close()

    def _make_read(self, row: ReadClick, facts: Facts) -> MadeClick:
        click = assemble(row.hit, facts, row.hit.click_id or self.new_id(), self._memory)
        return MadeClick(row, msgspec.structs.replace(click, **row.found) if row.found else click, facts.code)


def _outcome(click: Click, stored: Click | None) -> str:
    return "recorded" if stored is None or stored.click_id == click.click_id else "repeated"
