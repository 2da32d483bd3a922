"""Every plan of a page gives the same page."""

import random
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import count

import pytest

from clicktrail.model.access import SYSTEM, Scope, Viewer
from clicktrail.model.ids import IdGenerator
from clicktrail.model.times import DAY_US
from clicktrail.query.fields import CLICK, LINK, PROFILE
from clicktrail.query.parse import parse_list
from clicktrail.query.questions import Cursor, ListQuery
from clicktrail.store.clicks.insert import insert_clicks
from clicktrail.store.clicks.newest import load_tail
from clicktrail.store.counting.totals import add_up
from clicktrail.store.objects.catalogue import create_item, load_catalogue
from clicktrail.store.objects.profiles import save_profile
from clicktrail.store.reads.pages import find_rows
from clicktrail.store.reads.plan import (
    ByIndex,
    FromMemory,
    Narrowed,
    OneStatement,
    Plan,
    Skipping,
    has_one_sort_value,
    has_parts,
    is_narrowed,
    is_newest_first,
    plan_page,
)
from clicktrail.store.reads.resolve import resolve
from clicktrail.store.reads.tables import TABLES
from clicktrail.store.registrations.register import register_through
from clicktrail.store.session.protocol import Session
from tests.conftest import AnyEngine
from tests.store.test_statements import make_click

TEXTS = (None, "", "a", "ä", "https://a.example/" + "x" * 300, "https://a.example/" + "x" * 299 + "y", "Z", "𝄞")
FILTERS = (
    *("", "", "", "filter[utmSource]=a", "filter[utmSource][null]=1", "filter[referrer]=a.example", "filter[tag]=t"),
    *("filter[registration]=1", "filter[isBot]=0", "filter[profileName]=ada", "filter[userAgent][starts]=https"),
    *("filter[referrer][eq]=a", "filter[utmSource][ne]=a", "filter[clickStartTime]=1970-01-01T00:00:03%2B00:00"),
)
CLICKS = 120


def fill(session: Session, draw: random.Random) -> str:
    """Clicks whose every sort key has repeats, nulls and long texts; returns a partner who owns a link."""
    ids = IdGenerator(count(1_700_000_000, 1_000).__next__)
    partner = save_profile(
        session, ids, None, {name: field.default for name, field in PROFILE.writable.items()} | {"first_name": "Ada"}
    )
    links = [create_item(session, ids, LINK, {"profile_id": owner})[0].link_id for owner in (partner, None)]
    session.memory.published.catalogue = load_catalogue(session)
    names = ("referrer", "user_agent", "utm_campaign", "utm_content", "utm_medium", "utm_source", "utm_term")
    made = [
        make_click(
            ids,
            time=draw.choice((0, 0, DAY_US)) + draw.randrange(6) * 1_000_000,
            ip=draw.choice(("401020304", "4ffffffff", "6" + "0" * 32)),
            link_id=draw.choice((*links, None)),
            latitude=draw.choice((None, -1.5, 0.0, 51.4036)),
            bot=draw.choice((None, "", "robot")),
            **{name: draw.choice(TEXTS) for name in names},
        )
        for _ in range(CLICKS)
    ]
    insert_clicks(session, made)
    for click in made[::9]:
        register_through(session, ids, SYSTEM, click.click_id, {"first_name": "M", "tags": [draw.choice("tu")]})
    return partner


def plans_for(session: Session, viewer: Viewer, query: ListQuery) -> Iterator[Plan]:
    """Every plan that can be carried out, chosen or not."""
    dialect = session.dialect
    yield OneStatement()
    if dialect.row_id is not None:
        yield OneStatement(rows_first=True)
    if dialect.is_owned and is_newest_first(query, viewer):
        yield FromMemory(OneStatement())
    if dialect.is_owned and is_narrowed(query):
        yield Narrowed(OneStatement())
    if dialect.is_owned and has_parts(query):
        yield Skipping(OneStatement())
    is_indexed = TABLES[CLICK.name].expression(query.sort).text in dialect.proxies
    if is_indexed and not has_one_sort_value(query):
        yield ByIndex()


def ask(draw: random.Random) -> ListQuery:
    order, sort = draw.choice(("asc", "desc")), draw.choice([*CLICK.sorts])
    limit, offset = draw.choice((1, 3, 10, 200)), draw.choice((0, 0, 1, 2, 50, 119, 120))
    filters = "&".join(draw.choice(FILTERS) for _ in range(2))
    return parse_list(f"sort_by={sort}&sort_order={order}&limit={limit}&offset={offset}&{filters}".encode(), CLICK)


@pytest.mark.parametrize("seed", range(4))
def test_every_plan_gives_the_same_page(engine: AnyEngine, seed: int) -> None:
    draw = random.Random(seed)
    partner = engine.run(lambda session: fill(session, draw))
    if seed % 2:
        engine.run(partial(add_up, least=1))
    engine.run(load_tail)
    viewers = (SYSTEM, SYSTEM, Viewer(scope=Scope.PARTNER, partner_id=partner))
    seen: set[type] = set()

    def compare(session: Session) -> None:
        for viewer, asked in [
            (SYSTEM, parse_list(b"", CLICK)),
            *((draw.choice(viewers), ask(draw)) for _ in range(80)),
        ]:
            query = resolve(session, viewer, asked)
            for _ in range(2):
                expected = find_rows(session, viewer, query, OneStatement())
                chosen = plan_page(query, viewer, session.dialect)
                for plan in (chosen, *plans_for(session, viewer, query)):
                    seen.add(type(plan))
                    assert find_rows(session, viewer, query, plan)[0] == expected[0], (plan, query)
                if len(expected[1]) <= query.limit:
                    break
                query = replace(query, after=Cursor(*expected[1][query.limit - 1]), offset=0)

    engine.run(compare)
    assert seen == ({OneStatement, FromMemory, Narrowed, Skipping} if engine.is_owned else {OneStatement, ByIndex})
