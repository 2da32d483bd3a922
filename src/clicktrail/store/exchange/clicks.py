"""Imported clicks: history, stored unchanged with its pointers. No postbacks are sent."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from clicktrail.errors import Mistake
from clicktrail.model.click import Click
from clicktrail.model.privacy import differences
from clicktrail.query.fields import BANNER, CLICK, LINK, PROFILE
from clicktrail.query.imports import Imported, ImportedClick
from clicktrail.store.clicks.insert import Relink, insert_clicks
from clicktrail.store.exchange.pointers import Found, find_objects, miss
from clicktrail.store.privacy.remembered import WAS_ERASED, find_rows, values_of_click
from clicktrail.store.registrations.register import keep_history
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.transactions import Write, transaction

_TARGETS = {"profile_id": PROFILE, "link_id": LINK, "banner_id": BANNER}
_NO_LINK = "a click has a code that no link has, so it is stored without a link"
_OPTIONAL = ("locale", "referrer", "user_agent", "visitor_id")
"""A row without one of these does not differ from a stored value."""


@transaction(Write.CLICKS)
def import_clicks(
    session: Session, rows: Sequence[ImportedClick], keeps_missing: bool, relink: Relink
) -> list[Imported]:
    """Stores clicks with their own ids, clients, links and banners. Returns the result of each.

    A pointer to a missing object is refused; with `keeps_missing` the click is stored without it. Clicks of erased
    persons are refused.
    """
    erased = find_rows(session, [(row.click.time, values_of_click(row.click)) for row in rows])
    found = {
        column: find_objects(session, target, (row.pointers[column] for row in rows if column in row.pointers))
        for column, target in _TARGETS.items()
    }
    outcomes: dict[int, Imported] = {}
    ready: list[tuple[int, Click]] = []
    for place, row in enumerate(rows):
        if place in erased:
            outcomes[place] = Imported(422, None, [WAS_ERASED])
            continue
        click, missing = _point(row, found) if row.pointers else (row.click, [])
        if missing and not keeps_missing:
            outcomes[place] = Imported(422, None, [miss(_TARGETS[column]) for column in missing])
        else:
            ready.append((place, click))
    linked = {click.click_id for place, click in ready if rows[place].pointers}
    clicks = [click for _, click in ready]
    done = insert_clicks(session, clicks, {click.click_id for click in clicks}, linked=linked, relink=relink)
    added: dict[str, Click] = {}  # of several rows with one id, the first is the new click
    for place, click in ready:
        if click.click_id in done.added and click.click_id not in added:
            added[click.click_id] = stored = done.changed.get(click.click_id, click)
            is_lost = rows[place].code is not None and stored.link_id is None
            outcomes[place] = Imported(201, click.click_id, notes=(_NO_LINK,) if is_lost else ())
        else:
            outcomes[place] = _compare(session, rows[place], click, done.repeated[click.click_id])
    keep_history(session, [click for click in added.values() if click.profile_id is not None])
    return [outcomes[place] for place in range(len(rows))]


def _point(row: ImportedClick, found: Mapping[str, Found]) -> tuple[Click, list[str]]:
    """The click with its pointers, and the columns whose objects are missing."""
    there = {column: found[column].get(old) for column, old in row.pointers.items()}
    changes: dict[str, Any] = {column: object_id for column, object_id in there.items() if object_id is not None}
    if "link_id" in changes:
        changes.setdefault("banner_id", None)  # the other server had no banner for it
    missing = [column for column, object_id in there.items() if object_id is None]
    return msgspec.structs.replace(row.click, **changes), missing


def _compare(session: Session, row: ImportedClick, click: Click, known: Click) -> Imported:
    """The result of a click that is already stored."""
    left_out = {name for name in _OPTIONAL if getattr(row.hit, name) is None}
    left_out.add("click_id")  # the click was found by its uuid, so its id may differ
    memory = session.memory
    differing = differences(row.hit, click, known, memory.policy, memory.salts.by_day)
    differing = [name for name in differing if name not in left_out]
    differing += [name for name in row.pointers if getattr(click, name) not in (None, getattr(known, name))]
    mistakes = [Mistake(f"differs from the stored {CLICK.name}", pointer=f"/{CLICK.keys[name]}") for name in differing]
    return Imported(409 if differing else 200, known.click_id, mistakes)
