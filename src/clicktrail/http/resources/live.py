"""GET /live: clicks as they are stored, as server-sent events."""

import asyncio
from collections.abc import AsyncGenerator

from clicktrail.http.endpoint.access import still_has_access
from clicktrail.http.endpoint.call import Answer, Call, encode
from clicktrail.http.endpoint.operation import Operation
from clicktrail.http.endpoint.render import render_shown
from clicktrail.live.feed import Listener, Taken
from clicktrail.model.access import PARTNERS, READERS
from clicktrail.model.click import Click
from clicktrail.model.privacy import masked
from clicktrail.query.fields import CLICK
from clicktrail.query.grammar import Grammar, whole_number
from clicktrail.store.reads.clicks import Shown

EVENTS = "text/event-stream"
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no", "Vary": "Accept-Language"}
"""The second one keeps nginx from collecting events."""
_BEGIN = b"retry: 3000\n\n"
"""The first piece: browsers come back after three seconds."""
_STILL_HERE = b": still here\n\n"
_STILL_HERE_S = 15.0
"""Seconds of silence before that line: proxies close connections that are silent for a minute."""
_PIECE, _PACE_S = 100, 0.1
"""Clicks in one piece, and seconds between two pieces: no stream costs more than 1,000 clicks a second."""
_PIECE_BYTES = 256 * 1024
"""Text of the clicks in one piece. A stream holds one rendered piece while its caller does not read."""
_TOKEN_S, _SESSION_S = 1.0, 5.0
"""Seconds between checks that the token or the session is still valid. A session's check reads its row."""
_MAX_SECONDS = 86_400
_SAMPLE = (
    'retry: 3000\n\nid: 6006dda272f002519c3eb505\nevent: click\ndata: {"clickId":"6006dda272f002519c3eb505"}\n\n'
    'event: missed\ndata: {"count":12}\n\n'
)


async def follow(call: Call) -> Answer:
    return Answer(media_type=EVENTS, headers=_HEADERS, stream=_stream(call), is_live=True)


async def _stream(call: Call) -> AsyncGenerator[bytes, None]:
    """Ends when the time is over, when the token or session has ended, and when the server stops."""
    services, seconds = call.services, call.asked.own["seconds"]
    ends_at = call.store.memory.clock.passed_s() + seconds if seconds is not None else float("inf")
    after = call.headers.get("last-event-id", "").strip().lower() or None
    with services.listeners.take(call.viewer.asker, call.viewer.scope in PARTNERS):
        async with services.feed.listen(call.viewer, after) as listener:
            yield _BEGIN
            async for piece in _pieces(call, listener, ends_at):
                yield piece


async def _pieces(call: Call, listener: Listener, ends_at: float) -> AsyncGenerator[bytes, None]:
    check_s = _TOKEN_S if call.signed_in is None else _SESSION_S
    clock = call.store.memory.clock
    spoke_at = checked_at = clock.passed_s()
    while not call.services.feed.is_closed:
        now = clock.passed_s()
        if now >= ends_at:
            return
        if now >= checked_at + check_s:
            if not await still_has_access(call):
                return
            checked_at = now
        await listener.wait(min(_TOKEN_S, ends_at - now))
        piece = render_events(call, listener.take(_PIECE, _PIECE_BYTES))
        if not piece and now >= spoke_at + _STILL_HERE_S:
            piece = _STILL_HERE
        if piece:
            spoke_at = now
            yield piece
            await asyncio.sleep(_PACE_S)


def render_events(call: Call, taken: Taken) -> bytes:
    """The events of some clicks, after one that says how many were left out before them."""
    missed = b"" if taken.left_out == 0 else b'event: missed\ndata: {"count":%s}\n\n' % encode(taken.left_out)
    return missed + b"".join(_render_event(call, click) for click in taken.clicks)


def _render_event(call: Call, click: Click) -> bytes:
    view = call.asked.view
    click = click if call.viewer.sees_visitors else masked(click)
    shown = Shown(click, dict.fromkeys(sorted(view.expansions), click))
    document = encode(render_shown(shown, call.store.catalogue, view.language))
    return b"id: %s\nevent: click\ndata: %s\n\n" % (click.click_id.encode(), document)


OPERATIONS = (
    Operation(
        route="GET /live",
        handler=follow,
        name="followClicks",
        summary="Follow clicks as they are stored, as server-sent events",
        doc="An event `click` has the click as `GET /clicks/{clickId}` shows it. The event's id is the click's. An "
        "event `missed` says how many clicks were left out, for example because the caller read too slowly; `null` is "
        "an unknown number. With the header `Last-Event-ID` the stream begins after that click. A comment breaks every "
        "silence of 15 seconds.",
        scopes=READERS,
        query=Grammar(
            resource=CLICK,
            expansions=("visitor",),
            own=(whole_number("seconds", "Seconds after which the stream ends; default: no end.", 1, _MAX_SECONDS),),
        ),
        media_type=EVENTS,
        samples={EVENTS: _SAMPLE},
        statuses=(200, 429, 503),
    ),
)
