"""What the site's word takes back of a partner's, beside what can be seen from outside (tests/api/test_rights.py)."""

from typing import Any

from clicktrail.model.access import SYSTEM, Scope, Viewer
from clicktrail.model.attribution import Model
from clicktrail.model.ids import IdGenerator
from clicktrail.query.fields import LINK, POSTBACK
from clicktrail.store.clicks.insert import insert_clicks
from clicktrail.store.objects.catalogue import create_item, load_catalogue
from clicktrail.store.objects.profiles import create_profile
from clicktrail.store.reads.clicks import get_click
from clicktrail.store.registrations.candidates import Registration
from clicktrail.store.registrations.register import register_client, register_through
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.sql import sql
from tests.conftest import AnyEngine
from tests.store.test_statements import make_click

IDS = IdGenerator()


def told(session: Session) -> list[Any]:
    return session.rows(sql("SELECT attribution_id, status FROM deliveries ORDER BY delivery_id"))


def test_what_was_not_told_yet_of_an_outranked_registration_is_not_told(engine: AnyEngine) -> None:
    def work(session: Session) -> tuple[list[Any], list[Any], str, str]:
        partner = create_profile(session, IDS, {})[0].profile_id
        link_id = create_item(session, IDS, LINK, {"profile_id": partner})[0].link_id
        postback = {"profile_id": partner, "uri": "https://x.example/", "events": "registration"}
        create_item(session, IDS, POSTBACK, postback)
        session.memory.published.catalogue = load_catalogue(session)
        click = make_click(IDS, link_id=link_id, time=session.clock.now_us())
        insert_clicks(session, [click])
        viewer = Viewer(Scope.POSTBACK, partner)
        said, _ = register_client(session, IDS, viewer, Registration(click_id=click.click_id), Model())
        before = told(session)
        tied = register_through(session, IDS, SYSTEM, click.click_id, {"first_name": "Mary"})
        assert tied.profile_id not in (None, said.profile_id)
        again = register_through(session, IDS, SYSTEM, click.click_id, {"first_name": "Mary"})
        assert again.profile_id == tied.profile_id
        return before, told(session), said.attribution_id, click.click_id

    before, after, attribution_id, click_id = engine.run(work)
    assert before == [(attribution_id, "waiting")]
    assert len(after) == 1
    assert after[0][0] != attribution_id
    assert engine.run(lambda session: get_click(session, SYSTEM, click_id)).profile_id is not None
