"""Stored attributions, limited to what a viewer may see."""

from typing import NamedTuple

import msgspec

from clicktrail.errors import NotFound
from clicktrail.model.access import PARTNERS, Viewer
from clicktrail.model.attribution import Candidate, Considered, Outcome, Rule, Touch
from clicktrail.query.fields import CLICK, PROFILE
from clicktrail.store.reads.clicks import select_clicks
from clicktrail.store.reads.records import check_there
from clicktrail.store.reads.tables import TABLES
from clicktrail.store.reads.visibility import visible
from clicktrail.store.registrations.candidates import Named
from clicktrail.store.session.finding import with_id
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.sql import Sql, names, sql

CONSIDERED = (*Candidate.__struct_fields__, "outcome")
"""Columns of `attribution_clicks` after the id of the attribution."""
_CONSIDERED_IN = "a.attribution_id = (SELECT max(n.attribution_id) FROM attribution_clicks n WHERE n.click_id = {})"
"""The latest registration in which a click was considered."""
_FIRST = "SELECT {} FROM attributions a WHERE {} ORDER BY a.attribution_id LIMIT 1"
_CANDIDATES = (
    "SELECT {} FROM attribution_clicks n JOIN clicks c ON c.click_id = n.click_id "
    "WHERE n.attribution_id = {} AND {} ORDER BY n.time, n.click_id"
)
"""The clicks that a registration considered and the viewer may see, by the keys of both tables."""
_IN_SPACE = "SELECT 1 FROM profiles p WHERE p.profile_id = {} AND p.name_space = {}"


class AttributionRow(NamedTuple):
    """A row of the table `attributions`, column by column."""

    attribution_id: str
    profile_id: str | None
    click_id: str | None
    link_id: str | None
    time: int
    touch: str | None
    window_days: int | None
    rule: str
    partner_id: str | None
    named_click_id: str | None = None
    named_visitor_id: str | None = None
    named_uuid: str | None = None
    named_code: str | None = None
    code_link_id: str | None = None


class Attribution(msgspec.Struct, frozen=True, kw_only=True):
    """A stored registration with its reasons. `time` is the time of the registration."""

    attribution_id: str
    profile_id: str | None
    click_id: str | None
    link_id: str | None
    time: int
    touch: Touch | None
    window_days: int | None
    rule: Rule
    partner_id: str | None
    """The partner that the registration pays: the owner of the link when the click was recorded."""
    named: Named
    considered: tuple[Considered, ...]


def get_profile_attribution(session: Session, viewer: Viewer, profile_id: str) -> Attribution | None:
    """The client's first registration; None if it has none. Raises NotFound."""
    check_there(session, viewer, PROFILE, profile_id)
    return find_attribution(session, viewer, sql("a.profile_id = {}", profile_id))


def get_click_attribution(session: Session, viewer: Viewer, click_id: str) -> Attribution | None:
    """The registration that the click won, else the latest registration that considered it, else None. Raises
    NotFound."""
    if not select_clicks(session, viewer, with_id(session.dialect, click_id)):
        raise NotFound(f"There is no click {click_id}.")
    won = find_attribution(session, viewer, sql("a.click_id = {}", click_id))
    return won or find_attribution(session, viewer, sql(_CONSIDERED_IN, click_id))


def find_attribution(session: Session, viewer: Viewer, condition: Sql) -> Attribution | None:
    """The first attribution that meets a condition, limited to what the viewer may see."""
    rows = session.rows(sql(_FIRST, names(AttributionRow._fields, of="a"), condition))
    if not rows:
        return None
    row, own = AttributionRow(*rows[0]), visible(TABLES[CLICK.name], viewer)
    clicks = session.rows(sql(_CANDIDATES, names(CONSIDERED, of="n"), row.attribution_id, own))
    considered = tuple(Considered(Candidate(*candidate), Outcome(outcome)) for *candidate, outcome in clicks)
    found = attribution_of(row, considered)
    return found if viewer.scope not in PARTNERS else _for_partner(session, viewer, found)


def attribution_of(row: AttributionRow, considered: tuple[Considered, ...]) -> Attribution:
    named = (row.named_click_id, row.named_visitor_id, row.named_uuid, row.named_code, row.code_link_id)
    return Attribution(
        attribution_id=row.attribution_id,
        profile_id=row.profile_id,
        click_id=row.click_id,
        link_id=row.link_id,
        time=row.time,
        touch=Touch(row.touch) if row.touch else None,
        window_days=row.window_days,
        rule=Rule(row.rule),
        partner_id=row.partner_id,
        named=Named(*named),
        considered=considered,
    )


def _for_partner(session: Session, viewer: Viewer, found: Attribution) -> Attribution:
    """A partner sees all of a client that the partner earned, and what the partner sent; for others, neither client nor
    click."""
    is_own = viewer.partner_id is not None and found.partner_id == viewer.partner_id
    if is_own or session.rows(sql(_IN_SPACE, found.profile_id, viewer.name_space)):
        return found
    return msgspec.structs.replace(found, profile_id=None, click_id=None, link_id=None, named=Named())
