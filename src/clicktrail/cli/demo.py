"""`clicktrail demo`: fills an empty store with an invented programme, through the functions that record real clicks."""

import asyncio
from collections.abc import Mapping, Sequence
from heapq import heappop, heappush
from random import Random
from typing import Any, NamedTuple

import click

from clicktrail.cli import demo_programme as programme
from clicktrail.cli.options import STORE, read_settings, setting_options
from clicktrail.cli.whole import announce_new_store
from clicktrail.ingest.recorder import Recorder
from clicktrail.model.access import SYSTEM
from clicktrail.model.attribution import Model
from clicktrail.model.click import Click
from clicktrail.model.clock import Clock
from clicktrail.model.ids import IdGenerator
from clicktrail.model.times import DAY_US, SECOND
from clicktrail.opening import make_recorder, make_store, open_engine
from clicktrail.query.fields import BANNER, LINK, SITE
from clicktrail.settings import Settings
from clicktrail.store.clicks.insert import insert_clicks
from clicktrail.store.migrations.shared import inspect
from clicktrail.store.objects.catalogue import create_item
from clicktrail.store.objects.profiles import create_profile
from clicktrail.store.outbox.deliveries import DEAD, DELIVERED, WAITING, Job, Outcome, find_due, settle, take
from clicktrail.store.outbox.subscriptions import create_postback
from clicktrail.store.outbox.tries import Try, add_try
from clicktrail.store.registrations.candidates import Registration
from clicktrail.store.registrations.register import register_client, register_through
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.transactions import Write, transaction
from clicktrail.store.store import Store

_CLICKS, _LEAST, _MOST = 50_000, 100, 1_000_000
_BATCH = 2_000
_REGISTER = 0.02
"""The share of people's clicks after which someone registers."""
_MAX_DELAY_US = 9 * DAY_US
_ATTEMPTS, _TAKEN = 4, 256
_LEASE_US = SECOND
_NEXT = """
Next, each command with the same --data or --database (or with CLICKTRAIL_DATA or CLICKTRAIL_DATABASE set):
  clicktrail serve                 start the server; open the link that it prints to see the dashboard
  clicktrail token create          a token for the API: Authorization: Bearer TOKEN
  clicktrail report                the figures of the last 30 days; GET /reports gives the same over HTTP
All names, addresses and clients are invented. Delete the data directory or the database to begin with your own."""


class Planned(NamedTuple):
    """A registration that is going to happen."""

    names_click: bool
    """Whether the site names the click by its id (`register_through`)."""
    said: Registration


class DemoClock(Clock):
    """A clock that shows the time at which the demo is."""

    def __init__(self, at: int) -> None:
        self.at = at

    def now_us(self) -> int:
        return self.at

    def passed_s(self) -> float:
        return self.at / SECOND


@click.command()
@setting_options(*STORE)
@click.option(
    "--clicks",
    type=click.IntRange(_LEAST, _MOST),
    default=_CLICKS,
    show_default=True,
    help="Number of clicks in the year.",
)
def demo(clicks: int, **given: str) -> None:
    """Fill an empty store with an invented programme: 40 partners, 200 links and a year of clicks until now.

    Stop the server first. A store that has clicks or links is refused.
    """
    settings = read_settings(given)
    announce_new_store(settings)
    asyncio.run(_run(settings, clicks))
    click.echo(_NEXT)


async def _run(settings: Settings, clicks: int) -> None:
    end = Clock().now_us()
    clock = DemoClock(end - programme.DAYS * DAY_US)
    store = make_store(settings, open_engine(settings, clock))
    try:
        await store.open()
        if (await store.run(inspect))[1] or store.catalogue.links:
            raise click.ClickException("The store has clicks or links already; the demo needs an empty store.")
        random = Random(15)  # noqa: S311 - invented data, the same in every run
        sites = await _make_objects(store)
        await _live(store, make_recorder(settings, store), random, clicks, end, sites)
        clock.at = end
        await store.renew_salts()
    finally:
        store.close()


async def _make_objects(store: Store) -> list[str]:
    """Makes partners, banners, links, sites and postbacks. Returns the ids of the sites."""
    partners = [
        (await store.run(create_profile, store.ids, programme.partner(number)))[0].profile_id
        for number in range(programme.PARTNERS)
    ]

    async def create(resource: Any, values: Mapping[str, Any]) -> str:
        record, _ = await store.run(create_item, store.ids, resource, values)
        found: str = getattr(record, resource.id_field.column)
        return found

    banners = [
        await create(BANNER, {"banner_name": f"Banner {width}×{height}", "width": width, "height": height})
        for width, height in ((300, 250), (728, 90), (160, 600), (320, 50))
    ]
    for number in range(programme.LINKS):
        await create(LINK, programme.link(number, partners, banners))
    sites = [await create(SITE, {"name": name, "origins": f"https://{name}.example.org"}) for name in ("shop", "blog")]
    for number in range(6):
        uri = f"https://tracker{number + 1}.example.com/postback?click={{click_id}}&event={{event}}"
        values = {"profile_id": partners[number], "name": f"Tracker {number + 1}", "uri": uri, "method": "GET"}
        await store.run(create_postback, store.ids, {**values, "events": "registration"})
    return sites


async def _live(store: Store, recorder: Recorder, random: Random, clicks: int, end: int, sites: Sequence[str]) -> None:
    """Records the visits by time. Once a day, and at the end, clients register and postbacks are sent."""
    clock: Any = store.memory.clock
    waiting: list[tuple[int, int, Planned]] = []
    batch: list[Click] = []
    day = clock.today()
    with click.progressbar(length=clicks, label="demo") as bar:
        for visit in programme.make_visits(random, clicks, end, sites):
            clock.at = max(visit.hit.time or 0, clock.at)
            if clock.today() != day or len(batch) >= _BATCH:
                await _store(store, batch, bar.update)
                batch = []
            if clock.today() != day:
                day = clock.today()
                await store.renew_salts()
                await _register(store, waiting, clock.at)
                await _send(store, random)
            made = recorder.make(visit.hit)
            batch.append(made)
            if visit.is_person and random.random() < _REGISTER:
                due = clock.at + min(int(random.expovariate(1 / 4) * 3600 * SECOND), _MAX_DELAY_US)
                heappush(waiting, (due, len(waiting) + int(made.click_id[18:], 16), _plan(random, made, due)))
        await _store(store, batch, bar.update)
    clock.at = end
    await _register(store, waiting, end)
    await _send(store, random)


def _plan(random: Random, made: Click, due: int) -> Planned:
    """How a client will be registered: by the click's id, its browser, its link's code, or by naming the click."""
    client = programme.client(random, int(made.click_id, 16) % 10**9)
    way = random.random()
    if made.visitor_id is not None and 0.1 <= way < 0.6:
        return Planned(False, Registration(visitor_id=made.visitor_id, time=due, profile=client))
    if way > 0.95:
        code = programme.code_of(random.randrange(programme.LINKS))
        return Planned(False, Registration(code=code, time=due, profile=client))
    return Planned(way < 0.1, Registration(click_id=made.click_id, time=due, profile=client))


async def _store(store: Store, batch: Sequence[Click], notify: Any) -> None:
    if batch:
        await store.run(insert_clicks, batch, relink=store.relink)
        notify(len(batch))


async def _register(store: Store, waiting: list[tuple[int, int, Planned]], until: int) -> None:
    due = []
    while waiting and waiting[0][0] <= until:
        due.append(heappop(waiting)[2])
    if due:
        await store.run(register_all, store.ids, due)


@transaction(Write.CHANGE)
def register_all(session: Session, ids: IdGenerator, registrations: Sequence[Planned]) -> None:
    """Registers clients one after the other, in one transaction."""
    for names_click, said in registrations:
        if names_click:
            register_through(session, ids, SYSTEM, said.click_id or "", said.profile)
        else:
            register_client(session, ids, SYSTEM, said, Model())


async def _send(store: Store, random: Random) -> None:
    """Decides how all due deliveries end, as if they had been sent. Nothing leaves this machine."""
    free = dict.fromkeys(sorted(store.catalogue.postback_ids), _TAKEN)
    failing = max(free, default="")
    while due := await store.run(find_due, free, _TAKEN):
        jobs = await store.run(take, due, _LEASE_US)
        outcomes = [_outcome(random, job, failing, store.memory.clock.now_us()) for job in jobs]
        await store.run(settle, outcomes)


def _outcome(random: Random, job: Job, failing: str, now: int) -> Outcome:
    """Most attempts succeed; attempts of one postback seldom do. A failure is retried until it is given up."""
    is_delivered = random.random() < (0.1 if job.postback_id == failing else 0.94)
    failures = ((500, "answered 500"), (404, "answered 404"), (None, "the connection timed out"))
    response_status, error = (200, None) if is_delivered else random.choice(failures)
    is_retried = not is_delivered and job.attempt < _ATTEMPTS
    took_ms = random.randrange(60, 900)
    tried = Try(time=now - took_ms * 1000, response_status=response_status, error=error, milliseconds=took_ms)
    return Outcome(
        delivery_id=job.delivery_id,
        attempt=job.attempt,
        status=DELIVERED if is_delivered else WAITING if is_retried else DEAD,
        response_status=response_status,
        error=error,
        due_time=now if is_retried else None,
        tries=add_try(job.tries, tried),
    )
