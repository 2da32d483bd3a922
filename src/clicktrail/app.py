"""Builds the application from the settings: store, geo data, buffer, tokens and routes become one ASGI application."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from functools import cache, partial
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec
from starlette.types import ASGIApp, Receive, Scope, Send

from clicktrail import __version__
from clicktrail.checks.running import Doctor
from clicktrail.choices import (
    changed_settings,
    in_force,
    is_embedded,
    keep_days,
    link_host_names,
    make_geo,
    own_rules,
    postback_networks,
    read_reading,
    store_path,
    trusted_networks,
)
from clicktrail.delivery.caller import Caller
from clicktrail.delivery.sender import SLOTS, Policy, Sender
from clicktrail.errors import Conflict, MalformedRequest, Unavailable
from clicktrail.http.endpoint.asking import Asking
from clicktrail.http.endpoint.call import Limits, Services, encode
from clicktrail.http.endpoint.endpoint import refuse, respond
from clicktrail.http.endpoint.held import Held
from clicktrail.http.endpoint.hosts import find_host
from clicktrail.http.endpoint.operation import Operation
from clicktrail.http.endpoint.render import render_click
from clicktrail.http.endpoint.slots import Slots
from clicktrail.http.endpoint.streams import Streams
from clicktrail.http.endpoint.trails import Entries
from clicktrail.http.fast.clicks import ROUTE, FastClicks
from clicktrail.http.fast.links import FastLinks, LinkHost
from clicktrail.http.openapi.document import build_document
from clicktrail.http.router import make_router, operations_by_tag
from clicktrail.http.visitor.limits import CHANGES_PER_MINUTE, VisitLimit
from clicktrail.http.visitor.lockout import Lockout
from clicktrail.http.web.pages import PAGES
from clicktrail.ingest.buffer import Buffer
from clicktrail.ingest.turns import Turns
from clicktrail.live.feed import Feed
from clicktrail.model.attribution import Model, Touch
from clicktrail.model.click import Click
from clicktrail.model.clock import SYSTEM_CLOCK, Clock
from clicktrail.objections import Objections
from clicktrail.observe.counts import Observer
from clicktrail.observe.gauges import Gauges
from clicktrail.observe.health import Health
from clicktrail.opening import check_keys, keys_of, make_recorder, make_store, open_engine
from clicktrail.people.passwords import Passwords
from clicktrail.retention import keep_purging, keep_scrubbing
from clicktrail.settings import Settings, SettingsError
from clicktrail.store.clicks.aging import forget_reduced, reduce_addresses
from clicktrail.store.counting.totals import add_up
from clicktrail.store.privacy.audit import record_settings
from clicktrail.tokens import TokenChecker

_REFRESH_S = 5.0
"""How often the server checks for a new geo file."""
_SALTS_S = 60.0
"""How often the server checks whether a new day has begun."""
_TOTALS_S = 2.0
"""How often the server checks whether many clicks wait to be added to the daily totals."""
_AGES_S = 60.0
"""How often the server checks whether addresses became old."""
_PIECE_S = 0.2
"""Pause between two pieces of old addresses, for others who wait to write."""
_LEASE_S = 10.0
"""Extra lease seconds beyond the attempt timeout."""
_NO_ROUTE = "*"
"""The route shown for requests that name no host. They reach no operation."""
_FLUSH_S = 0.1
"""How often log lines are flushed."""


def _caller(settings: Settings, clock: Clock) -> Caller | None:
    """The sender of postbacks; None if this server sends none."""
    if not settings.send_postbacks:
        return None
    allowed = postback_networks(settings)
    return Caller(allowed, settings.postback_timeout_s, SLOTS, clock)


def _read_limits(settings: Settings, clock: Clock) -> Limits:
    """Raises SettingsError."""
    return Limits(
        base_path=settings.base_path,
        public_url=settings.public_url,
        report_least_clicks=settings.report_least_clicks,
        max_body_bytes=settings.max_body_bytes,
        body_timeout_s=settings.body_timeout_s,
        token_lifetime_s=settings.token_lifetime_s,
        scratch=settings.data,
        trusted=trusted_networks(settings),
        link_path=settings.link_path,
        link_hosts=tuple(settings.link_hosts.lower().split(",")) if settings.link_hosts else (),
        redirect_first=settings.redirect_first,
        postback_networks=postback_networks(settings),
        model=Model(Touch(settings.attribution), settings.attribution_window_days),
        reading=read_reading(settings, clock),
        lead_anyway=settings.lead_anyway,
        own_rules=own_rules(settings),
    )


def _visit_limit(settings: Settings, clock: Clock) -> VisitLimit:
    return VisitLimit(
        {
            "address": settings.visits_per_minute,
            "stranger": settings.visits_per_minute,
            "link": settings.link_visits_per_minute,
            "site": settings.site_visits_per_minute,
            "partner": settings.registrations_per_minute,
            "changes": CHANGES_PER_MINUTE,
        },
        clock,
    )


class App:
    """Opens everything that a server needs. Raises StoreInUse, SettingsError, OSError.

    `asgi` answers requests between `start` and `stop`; `stop` first lets everything that was accepted reach the disk.
    """

    def __init__(self, settings: Settings, clock: Clock = SYSTEM_CLOCK) -> None:
        self.settings = settings
        self.clock = clock
        Path(settings.data).mkdir(parents=True, exist_ok=True, mode=0o700)
        by_tag = operations_by_tag(settings.link_path)
        operations = list(chain.from_iterable(by_tag.values()))
        if sum(f"{each.path}/".startswith(settings.link_path + "/") for each in (*operations, *PAGES)) > 1:
            raise SettingsError(f"--link-path {settings.link_path} is a path of Clicktrail; choose another one.")
        self.geo = make_geo(settings)
        engine = open_engine(settings, clock)
        self.keys = keys_of(settings, engine, clock)
        self.store = make_store(settings, engine)
        self.buffer = Buffer(self.store, settings.buffer_clicks, wait_s=settings.buffer_wait_ms / 1000)
        self.services = self._services(by_tag)
        self.log = self.services.observer.log
        self._router: ASGIApp = make_router(self.services, operations)
        self._record: ASGIApp = FastClicks(self.services, self._router)
        base = settings.base_path.rstrip("/")
        self._record_path = base + ROUTE
        self._link: ASGIApp = FastLinks(self.services, base + settings.link_path, self._router)
        self._link_path = base + settings.link_path + "/"
        self._link_hosts = link_host_names(settings)
        self._link_host: ASGIApp = LinkHost(self.services)
        self._sender = self._make_sender()
        self._tasks: list[asyncio.Task[None]] = []

    def _services(self, by_tag: Mapping[str, Sequence[Operation]]) -> Services:
        settings = self.settings
        file = store_path(settings) if is_embedded(settings) else None
        build = {"version": __version__, "engine": "postgresql" if file is None else "duckdb"}
        health = Health(self.store, file, Path(settings.data) if file is None else file.parent)
        gauges = Gauges(lambda: self.buffer.held, settings.buffer_clicks, health.values, build)
        observer = Observer(settings.log, gauges, self.clock)
        limits = _read_limits(settings, self.clock)
        recorder = make_recorder(settings, self.store, self.geo, self.buffer)
        return Services(
            store=self.store,
            asking=Asking(self.store.engine, settings.statement_timeout_s),
            recorder=recorder,
            turns=Turns(recorder, limits.reading, self._render),
            keys=self.keys,
            tokens=self._make_checker(),
            observer=observer,
            limits=limits,
            visits=_visit_limit(settings, self.clock),
            lockout=Lockout(settings.lockout_failures, settings.lockout_s, self.clock),
            names=Lockout(settings.lockout_failures, settings.lockout_s, self.clock, "for this name"),
            passwords=Passwords(),
            health=health,
            caller=_caller(settings, self.clock),
            tests=Slots(SLOTS, 1, "tests"),
            exports=Slots(settings.exports, settings.exports_each),
            streams=Streams(settings.idle_s),
            unread=Held("answers that are not read yet"),
            bodies=Held("bodies at once"),
            entries=Entries(self.store, self.clock),
            feed=Feed(self.store, self._log_error),
            listeners=Slots(
                settings.live_streams, settings.live_streams_each, "live streams", settings.live_streams // 2
            ),
            objections=Objections(self.store, self._log_error),
            openapi=cache(lambda: msgspec.json.encode(build_document(by_tag, settings.base_path))),
            diagnose=Doctor(settings, self.store, health, observer=observer, geo=self.geo).find,
            settings=in_force(settings),
        )

    def _render(self, click: Click, language: str) -> bytes:
        return encode(render_click(click, self.store.catalogue, language))

    def _make_checker(self) -> TokenChecker:
        settings = self.settings
        return TokenChecker(
            self.keys,
            lambda: self.store.memory.published.revoked,
            partner_sees_contacts=settings.partner_sees_contacts,
            partner_sees_visitors=settings.partner_sees_visitors,
            rights=own_rules(settings).rights,
        )

    def _make_sender(self) -> Sender | None:
        caller, settings = self.services.caller, self.settings
        if caller is None:
            return None
        policy = Policy(settings.postback_attempts, settings.postback_timeout_s + _LEASE_S, settings.delivery_days)
        return Sender(
            store=self.store,
            caller=caller,
            policy=policy,
            count=self.services.observer.postback,
            notify=self._log_error,
        )

    async def start(self) -> None:
        """Updates the schema, warms up for the first visitor, and starts the background work."""
        opening = self.store.open(self._log_error, self._log_fill)
        await asyncio.gather(asyncio.to_thread(self.services.recorder.warm_up), opening)
        await self.store.warm_up()
        await self.store.run(record_settings, self._changed_settings())
        if not is_embedded(self.settings):  # tokens stay valid while the database is down
            await asyncio.to_thread(check_keys, self.settings, self.keys)
        days = keep_days(self.settings)
        works: list[Callable[[], Coroutine[Any, Any, None]]]
        works = [self._refresh_geo, self._flush_log, self._renew_salts, self._add_up_totals, self._reduce_addresses]
        if self._sender is not None:
            works.append(self._sender.run)
        if is_embedded(self.settings):
            works.append(partial(keep_scrubbing, self.store))
        works += [self.services.objections.run, self.services.entries.run]
        if any(days._replace(deliveries=0)):
            works.append(partial(keep_purging, self.store, days, self.log.info, self._log_error))
        self._tasks = [asyncio.create_task(work()) for work in works]

    async def stop(self) -> None:
        """Stops streams, drains the buffer and closes the store."""
        for task in self._tasks:
            task.cancel()
        self.services.asking.close()
        self.services.feed.close()
        await self.services.streams.close()
        await self.buffer.close()
        with contextlib.suppress(Unavailable):
            await self.services.objections.work()
            await self.services.entries.sum_up()
        if self._sender is not None:
            await self._sender.close()
        self.services.passwords.close()
        await asyncio.to_thread(self.services.recorder.close)
        self.store.close()
        self.services.observer.flush()

    async def asgi(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Fast paths for recording and for links; the router for everything else."""
        if scope["path"].endswith("/") and scope["path"] != "/":  # the same path
            scope = {**scope, "path": scope["path"][:-1]}
        try:
            host = find_host(scope)
        except MalformedRequest as error:
            await respond(self.services, scope, _NO_ROUTE, refuse(error), send)
            return
        if host in self._link_hosts:
            await self._link_host(scope, receive, send)
        elif scope["path"] == self._record_path and scope["method"] == "POST":
            await self._record(scope, receive, send)
        elif scope["path"].startswith(self._link_path):
            await self._link(scope, receive, send)
        else:
            await self._router(scope, receive, send)

    def _changed_settings(self) -> dict[str, str]:
        """The version, and the settings that do not have their default, for the audit log."""
        return {"version": __version__, **changed_settings(self.settings)}

    def _log_error(self, event: str, error: BaseException) -> None:
        self.log.error(event, exc_info=error)

    def _log_fill(self, done: int, total: int) -> None:
        self.log.info("filling new columns of old clicks", clicks=done, total=total)
        self.services.observer.flush()

    async def _flush_log(self) -> None:
        while True:
            await asyncio.sleep(_FLUSH_S)
            self.services.observer.flush()

    async def _renew_salts(self) -> None:
        while True:
            await asyncio.sleep(_SALTS_S)
            try:
                await self.store.renew_salts()
            except Unavailable as error:  # today's salt was created yesterday, so there is one day for further attempts
                self._log_error("salt of visitor keys not renewed", error)

    async def _add_up_totals(self) -> None:
        while True:
            await asyncio.sleep(_TOTALS_S)
            try:
                await self.store.run(add_up)
            except Unavailable as error:  # reports count what is not added up
                self._log_error("daily totals not added up", error)

    async def _reduce_addresses(self) -> None:
        """Reduces old addresses, if the policy asks for it: piece after piece, until none is left for today."""
        while True:
            try:
                if not self.settings.ip_after_days:
                    await self.store.run(forget_reduced)
                    return
                while (reduced := await self.store.run(reduce_addresses)) is not None:
                    await asyncio.sleep(_PIECE_S if reduced else 0)
            except (Conflict, Unavailable) as error:
                self._log_error("old addresses not reduced", error)
            await asyncio.sleep(_AGES_S)

    async def _refresh_geo(self) -> None:
        while True:
            await asyncio.sleep(_REFRESH_S)
            try:
                if await asyncio.to_thread(self.geo.refresh):
                    self.log.info("new geo file opened", source=self.geo.describe())
            except (OSError, ValueError) as error:
                self.log.warning("geo file cannot be read; the old file stays in use", reason=str(error))


@contextlib.asynccontextmanager
async def running(settings: Settings, clock: Clock = SYSTEM_CLOCK) -> AsyncIterator[App]:
    app = App(settings, clock)
    try:
        await app.start()
        yield app
    finally:
        await app.stop()
