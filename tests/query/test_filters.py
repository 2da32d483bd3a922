"""The SQL filter equals a plain Python filter, on random rows, for every filter, operator, sort key and page."""

import ipaddress
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from operator import eq
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clicktrail.model.access import SYSTEM
from clicktrail.model.addresses import parse_ip, render_ip
from clicktrail.model.catalogue import Catalogue, CatalogueBanner
from clicktrail.model.click import Click
from clicktrail.model.countries import BY_ALPHA2, country_names
from clicktrail.model.ids import IdGenerator
from clicktrail.model.times import parse_time
from clicktrail.query import kinds
from clicktrail.query.cursors import render_cursor
from clicktrail.query.fields import CLICK, LINK, PROFILE, Field, Record, Source
from clicktrail.query.parse import parse_list
from clicktrail.query.questions import ListQuery
from clicktrail.store.clicks.insert import insert_clicks
from clicktrail.store.objects.catalogue import create_item
from clicktrail.store.objects.profiles import create_profile
from clicktrail.store.reads.clicks import list_clicks
from clicktrail.store.reads.records import Page, select_records
from tests.conftest import AnyEngine, NewStore, open_engine

TEXTS = ["a", "A", "ab", "b", "B%", "a_b", "ä", "Ä", "É", "é", "ß", "Σ", "z", "日本", "𝄞", "a,b", "İ", "ı", "\\", "'"]
IPS = ["1.2.3.4", "1.2.3.5", "1.2.4.4", "10.0.0.1", "9.9.9.9", "::1", "2a00:1450::1", "2a00:1450::ffff"]
TIMES = [0, 1_000_000, 1_000_001, 1_600_000_000_000_000, -5_000_000]
DEGREES = [0.0, -97.822, 37.751, 37.75, 10.0]
COUNTRIES = ["US", "EE", "DE", "GB", None]


def choose(number: int, items: list[Any], step: int) -> Any:
    """Some item; other numbers and steps mix the items anew."""
    return items[(number * step + number // 7) % len(items)]


class World:
    """A store of random clicks, and beside each click what its filters look at."""

    def __init__(self, engine: AnyEngine) -> None:
        self.engine = engine
        self.facts: list[dict[str, Any]] = []
        ids, rows = IdGenerator(), []
        partners = [self.profile(ids, {"first_name": name}) for name in ("Mary Ä", "john", "")]
        links = [self.link(ids, partner, code) for code, partner in zip(TEXTS, [*partners, None], strict=False)]
        clients = [self.profile(ids, values) for values in CLIENTS]
        for number in range(160):
            pick = partial(choose, number)
            link, client = pick([*links, None], 3), pick([*clients, None, None], 5)
            click = Click(
                click_id=ids.new(),
                time=pick(TIMES, 2),
                referrer=pick([*TEXTS, None], 3),
                ip=parse_ip(pick(IPS, 5)),
                uri="https://x.example/" + pick(TEXTS, 7),
                user_agent=pick([*TEXTS, None], 11),
                utm_campaign=pick([*TEXTS, None, None], 1),
                utm_content=pick([*TEXTS, None], 2),
                utm_medium=pick([*TEXTS, None], 5),
                utm_source=pick([*TEXTS, None], 4),
                utm_term=pick([*TEXTS, None], 9),
                profile_id=client and client.profile_id,
                link_id=link and link.link_id,
                banner_id=pick(["00000000000000000000000a", "00000000000000000000000b", None], 1),
                latitude=pick([*DEGREES, None], 1),
                longitude=pick([*DEGREES, None], 2),
                country_code=pick(COUNTRIES, 1),
                update_time=pick([1_000_000, 2_000_000], 1),
                uuid=f"{pick(TEXTS, 3)}{number}" if number % 3 else None,
                locale=None,
                bot=pick(["", "b", "É", None], 3),
            )
            rows.append(click)
            owner = next((p for p in partners if link and p.profile_id == link.profile_id), None)
            self.facts.append({"click": click, "link": link, "partner": owner, "client": client})
        catalogue = Catalogue(
            partners={link.link_id: link.profile_id for link in links},
            banners={f"00000000000000000000000{x}": CatalogueBanner(x, None) for x in "ab"},
        )
        engine.memory.published.learn(catalogue, frozenset(), engine.run(lambda s: s.catalogue_version()))
        engine.run(lambda s: insert_clicks(s, rows))
        engine.memory.newest.stop()  # so that the engine answers, not memory
        stored = {shown.click.click_id: shown.click for shown in self.page(parse_list(b"limit=1000", CLICK)).items}
        for fact in self.facts:  # the store has marked which clicks are first
            fact["click"] = stored[fact["click"].click_id]
        ids_of_clients = [client.profile_id for client in clients]
        by_id = dict(engine.run(lambda s: select_records(s, SYSTEM, PROFILE, "profile_id", ids_of_clients)))
        for fact in self.facts:
            fact["client"] = fact["client"] and by_id[fact["client"].profile_id]

    def profile(self, ids: IdGenerator, values: dict[str, Any]) -> Record:
        return self.engine.run(lambda session: create_profile(session, ids, values))[0]

    def link(self, ids: IdGenerator, partner: Record | None, code: str) -> Record:
        values = {"profile_id": partner and partner.profile_id, "code": code}
        return self.engine.run(lambda session: create_item(session, ids, LINK, values))[0]

    def page(self, query: ListQuery) -> Page:
        return self.engine.run(lambda session: list_clicks(session, SYSTEM, query))

    def ask(self, query: str) -> list[str]:
        return self.list(parse_list(query.encode(), CLICK))

    def list(self, query: ListQuery) -> list[str]:
        return [shown.click.click_id for shown in self.page(query).items]


CLIENTS: list[dict[str, Any]] = [
    {
        "country_code": "US",
        "tags": ["a", "B%"],
        "contacts": [{"key": "email", "value": "A@email.com", "uuid": None}],
    },
    {"country_code": "DE", "tags": ["b"], "contacts": []},
    {
        "tags": [],
        "contacts": [
            {"key": "phone", "value": "+123", "uuid": None},
            {"key": "email", "value": "ä@b.de", "uuid": None},
        ],
    },
]


@pytest.fixture(scope="module")
def world(engine_kind: str, tmp_path_factory: pytest.TempPathFactory, new_store: NewStore) -> Iterator[World]:
    engine = open_engine(tmp_path_factory.mktemp("world"), new_store(engine_kind))
    yield World(engine)
    engine.close()


def values_of(field: Field, fact: dict[str, Any]) -> list[Any]:
    """Everything that a filter on `field` looks at, nulls left out."""
    click, partner, client = fact["click"], fact["partner"], fact["client"]
    found: list[Any]
    if field.name == "registration":
        found = [click.profile_id is not None]
    elif field.column == "is_bot":
        found = [None if click.bot is None else click.is_bot]
    elif field.column == "bot_rule":
        found = [click.bot or None]
    elif field.source is Source.OWN:
        found = [getattr(click, field.column)]
    elif field.source is Source.LINK:
        found = [fact["link"].code] if fact["link"] else []
    elif field.source is Source.PARTNER:
        found = [partner.name] if partner else []
    elif field.source is Source.CLIENT:
        found = [client.country_code] if client else []
    else:
        key = {Source.CLIENT_TAGS: "tags", Source.CLIENT_CONTACTS: "contacts"}[field.source]
        found = [item if key == "tags" else item.value for item in getattr(client, key)] if client else []
    return [value for value in found if value is not None]


def fold(text: str) -> str:
    """Case folding as the contract's "case-insensitive" means it: letter by letter."""
    return "".join(letter.lower() if len(letter.lower()) == 1 else letter.lower()[0] for letter in text)


def holds(field: Field, operator: str, wanted: list[str], fact: dict[str, Any]) -> bool:
    """The plain meaning of a filter."""
    values = values_of(field, fact)
    if operator == "null":
        return any((not values) == (text == "1") for text in wanted)
    if field.kind is kinds.COUNTRY_NAME:
        values = [country_names("en")[code] for code in values]
    if operator == "in":
        wanted = [part for text in wanted for part in text.split(",")]
    if field.kind is kinds.IP and operator == "in":
        return any(inside(value, text) for value in values for text in wanted)
    if field.kind is kinds.TIME:
        return holds_in_time(operator, wanted, values)
    read: Callable[[str], Any] = plain_text if field.kind is kinds.COUNTRY_NAME else field.kind.read
    asked = [read(text) for text in wanted]
    compare: dict[str, Callable[[Any, Any], bool]] = {
        "contains": lambda value, text: fold(text) in fold(value),
        "starts": lambda value, text: fold(value).startswith(fold(text)),
        "gt": lambda value, text: value > text,
        "gte": lambda value, text: value >= text,
        "lt": lambda value, text: value < text,
        "lte": lambda value, text: value <= text,
    }
    if operator == "ne":
        return not any(value == text for value in values for text in asked)
    same: Callable[[Any, Any], bool] = compare.get(operator, eq)
    return any(same(value, text) for value in values for text in asked)


def holds_in_time(operator: str, wanted: list[str], values: list[int]) -> bool:
    """A day is all of its moments."""
    days = [datetime.fromisoformat(text).replace(tzinfo=UTC) if len(text) == 10 else None for text in wanted]
    spans: list[tuple[int, int]] = [
        (int(day.timestamp()) * 10**6, int(day.timestamp() + 86_400) * 10**6 - 1) if day else (parse_time(text),) * 2
        for day, text in zip(days, wanted, strict=True)
    ]
    compare: dict[str, Callable[[int, tuple[int, int]], bool]] = {
        "gt": lambda value, span: value > span[1],
        "gte": lambda value, span: value >= span[0],
        "lt": lambda value, span: value < span[0],
        "lte": lambda value, span: value <= span[1],
    }

    def is_within(value: int, span: tuple[int, int]) -> bool:
        return span[0] <= value <= span[1]

    same = compare.get(operator, is_within)
    return (operator == "ne") != any(same(value, span) for value in values for span in spans)


def plain_text(text: str) -> str:
    return text


def inside(key: str, block: str) -> bool:
    spelt = block.removeprefix("::ffff:") if "." in block else block  # one address has one meaning in any spelling
    address, network = ipaddress.ip_address(render_ip(key)), ipaddress.ip_network(spelt, strict=False)
    return address.version == network.version and address in network


MOMENTS = ("1970-01-01T00:00:01+00:00", "1970-01-01T00:00:01.000001Z", "2020-09-13T12:26:40+00:00")


def texts_for(field: Field) -> list[str]:
    """Filter texts that fit the field."""
    special: dict[Any, list[str]] = {
        kinds.ID: ["00000000000000000000000a", "00000000000000000000000b", "ffffffffffffffffffffffff"],
        kinds.IP: [*IPS, "::ffff:1.2.3.4"],
        kinds.TIME: [*MOMENTS, "1970-01-01", "2020-09-13"],
        kinds.DEGREES: ["0", "37.7510", "-97.822", "37.75", "+10"],
        kinds.FLAG: ["0", "1"],
        kinds.COUNTRY_NAME: ["United States", "united", "Estonia", "German", "K", ""],
    }
    if field.name == "countryCode":
        return ["US", "us", "U", "EE", "DE"]
    more = {"profileName": ["mary ä", "JOHN", ""], "profileContacts": ["@", "+12", "a@EMAIL", "Ä"]}.get(field.name, [])
    return special.get(field.kind, [*TEXTS, "x.example", "", *more])


FILTERS = [(name, field) for name, field in CLICK.filters.items()]


@st.composite
def filters(draw: st.DrawFn) -> tuple[str, Field, str, list[str]]:
    name, field = draw(st.sampled_from(FILTERS))
    operator = draw(st.sampled_from(["", *field.kind.operators]))
    texts = ["0", "1"] if operator == "null" else texts_for(field)
    if operator == "in" and field.kind is kinds.IP:
        texts = [*texts, "1.2.3.0/24", "0.0.0.0/0", "2a00:1450::/32", "::/0"]
    wanted = draw(st.lists(st.sampled_from(texts), min_size=1, max_size=3))
    if operator == "in" and draw(st.booleans()):
        wanted = [",".join(wanted)]
    return name, field, operator, wanted


def as_query(name: str, operator: str, wanted: list[str]) -> str:
    path = f"filter[{name}]" + (f"[{operator}]" if operator else "")
    return "&".join(f"{path}={quote(text)}" for text in wanted)


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(filters(), min_size=1, max_size=2, unique_by=lambda item: (item[1].name, item[2])))
def test_sql_means_what_python_means(world: World, asked: list[tuple[str, Field, str, list[str]]]) -> None:
    query = "&".join(as_query(name, operator, wanted) for name, _, operator, wanted in asked)
    plain: dict[tuple[Field, str], list[str]] = {
        (field, operator or field.plain): [] for _, field, operator, _ in asked
    }
    for _, field, operator, wanted in asked:  # a filter without a value is none
        plain[field, operator or field.plain] += [text for text in wanted if text]
    expected = [
        fact["click"].click_id
        for fact in world.facts
        if all(holds(field, operator, wanted, fact) for (field, operator), wanted in plain.items() if wanted)
    ]
    assert world.ask(f"limit=1000&sort_by=clickId&sort_order=asc&{query}") == expected, query


def sort_value(name: str, fact: dict[str, Any]) -> Any:
    click = fact["click"]
    if name == "tag":
        return (fact["client"].tags or [None])[0] if fact["client"] else None
    if name == "createTime":
        return click.click_id
    return getattr(click, CLICK.sorts[name].column)


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("name", list(CLICK.sorts))
def test_every_order_is_total_with_nulls_last(world: World, name: str, order: str) -> None:
    facts = sorted(world.facts, key=lambda fact: fact["click"].click_id, reverse=order == "desc")
    known = [fact for fact in facts if sort_value(name, fact) is not None]
    expected = sorted(known, key=lambda fact: sort_value(name, fact), reverse=order == "desc")
    expected += [fact for fact in facts if sort_value(name, fact) is None]
    assert world.ask(f"limit=1000&sort_by={name}&sort_order={order}") == [fact["click"].click_id for fact in expected]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(list(CLICK.sorts)), st.booleans(), st.integers(1, 40), st.lists(filters(), max_size=1))
def test_cursors_neither_skip_nor_repeat(
    world: World, name: str, is_descending: bool, limit: int, asked: list[tuple[str, Field, str, list[str]]]
) -> None:
    narrowed = "&".join(as_query(name, operator, wanted) for name, _, operator, wanted in asked)
    order = f"sort_by={name}&sort_order={'desc' if is_descending else 'asc'}&{narrowed}"
    url = f"{order}&limit={limit}"
    query = parse_list(url.encode(), CLICK)
    seen: list[str] = []
    while True:
        page = world.page(query)
        seen += [shown.click.click_id for shown in page.items]
        if page.next is None:
            break
        cursor = render_cursor(query.sort, is_descending, page.next)
        query = parse_list(f"{url}&cursor={cursor}".encode(), CLICK)
    assert seen == world.ask(f"{order}&limit=1000")


def test_ip_sorts_as_an_address(world: World) -> None:
    by_id = {fact["click"].click_id: fact["click"] for fact in world.facts}
    order = [
        ipaddress.ip_address(render_ip(by_id[click_id].ip))
        for click_id in world.ask("limit=1000&sort_by=ip&sort_order=asc")
    ]
    assert order == sorted(order, key=lambda address: (address.version, int(address)))


def test_every_country_is_found_by_its_whole_name() -> None:
    for country in BY_ALPHA2.values():
        conditions = parse_list(f"filter[countryName][eq]={quote(country.name)}".encode(), CLICK).conditions
        assert conditions[0].values == (country.alpha2,)
