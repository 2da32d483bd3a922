"""What a site says of a click: PUT and PATCH /clicks/{clickId}."""

from collections.abc import Callable, Mapping
from typing import Any

from clicktrail.model.access import SYSTEM
from clicktrail.model.click import Click
from clicktrail.model.ids import IdGenerator
from clicktrail.store.clicks.change import tie_click
from clicktrail.store.objects.profiles import save_profile
from clicktrail.store.reads.clicks import get_click
from clicktrail.store.reads.profiles import find_client, get_profile
from clicktrail.store.registrations.ranks import find_outranked, free_click, refuse_partner
from clicktrail.store.registrations.register import name_click
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.transactions import Write, transaction

Found = Mapping[str, Any] | None


Decide = Callable[[Click, Found, Found], Found]
"""(click, its own client, the client whose uuid was sent) -> whom the click is tied to, None for a new profile."""


@transaction(Write.CHANGE)
def register(session: Session, ids: IdGenerator, click_id: str, values: Mapping[str, Any], decide: Decide) -> Click:
    """Ties the click to the client that `values` describe: reads, lets `decide` choose, writes.

    This is the site's word: a client whom a partner registered through the click loses it. Raises NotFound, and
    Conflict, also where the client is a partner's profile. The same values twice change nothing the second time.
    """
    click = get_click(session, SYSTEM, click_id)
    outranked = find_outranked(session, [click])
    own = get_profile(session, SYSTEM, click.profile_id) if click.profile_id and not outranked else None
    known = find_client(session, None, values["uuid"]) if values.get("uuid") else None
    if known is not None:  # who was merged is named by the uuid that they have now
        values = {**values, "uuid": known["uuid"]}
    chosen = decide(click, own, known)
    if chosen is not None:
        refuse_partner(session, chosen["profileId"])
    profile_id = save_profile(session, ids, chosen, values)
    if profile_id == click.profile_id:
        return click
    if outranked:
        click = free_click(session, click)
    name_click(session, ids, click, profile_id)
    return tie_click(session, click, profile_id)
