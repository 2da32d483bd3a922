"""A programme made over HTTP, and reports counted from its exports in plain Python."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from urllib.parse import unquote_to_bytes
from zoneinfo import ZoneInfo

import httpx

from tests.ingest.test_agents import CHROME, GOOGLE, IPHONE

Row = Mapping[str, Any]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY_US = 86_400_000_000
NOW = datetime(2024, 5, 1, tzinfo=UTC)
AGENTS = (CHROME, IPHONE, GOOGLE, None)
REFERRERS = (None, "https://www.News.example:8443/a?b", "https://news.example/b", "android-app://x", "http://[::1]/")
UTM = ("", "&utm_source=Mail", "&utm_source=mail&utm_campaign=Spring%20sale", "&utm_medium=cpc&utm_term=a%2Bb")
SUBS = ("", "&sub=", "&sub=7", "&SUB=a%20b&sub=a+b", "&s%75b=%C3%A9", "&sub=%FF%41", "#?sub=no", "&xsub=1&sub=%2500")


def us_of(text: str) -> int:
    return (datetime.fromisoformat(text) - EPOCH) // timedelta(microseconds=1)


@dataclass
class Programme:
    """What was sent, as it stands now."""

    api: httpx.Client
    mark: str
    clicks: list[dict[str, Any]] = field(default_factory=list)
    """Exported clicks, each with `us`, `partner`, `isFirst`, `registration`."""
    registrations: list[dict[str, Any]] = field(default_factory=list)
    partners: list[str] = field(default_factory=list)
    links: dict[str, str | None] = field(default_factory=dict)
    """Link id -> its partner."""


def make_programme(api: httpx.Client, mark: str, seed: int, size: int = 220) -> Programme:
    """Partners, links that change hands, history out of order, repeats, robots, registrations, deletes."""
    random, made = Random(seed), Programme(api, mark)
    for number in range(3):
        names = {"firstName": f"Partner {number}", "lastName": mark}
        made.partners.append(api.post("/profiles", json=names).json()["profileId"])
    codes = {f"{mark}{number}": [*made.partners, None, made.partners[0]][number] for number in range(5)}
    for code, partner in codes.items():
        link = api.post("/links", json={"code": code, "profileId": partner, "name": code.upper()}).json()
        made.links[link["linkId"]] = partner
    rows = [_make_click(random, mark, [*codes, "none"]) for _ in range(size)]
    sent: list[str] = []
    owners: list[dict[str, str | None]] = []
    for start in range(0, size, 40):
        if start == 120:
            for link_id, partner in zip([*made.links][:2], made.partners[1:], strict=True):
                assert api.patch(f"/links/{link_id}", json={"profileId": partner}).status_code == 200
                made.links[link_id] = partner
        answer = api.post("/clicks/batch", json=rows[start : start + 40])
        assert answer.status_code == 201, answer.text
        sent += answer.json()["clickIds"]
        owners += [dict(made.links)] * len(rows[start : start + 40])
    registered = _register(random, api, sent, rows, [*codes][:2])
    gone = random.sample(sent, size // 10)
    for click_id in gone:
        assert api.delete(f"/clicks/{click_id}").status_code == 204
    partners = dict(zip(sent, owners, strict=True))
    _read_back(made, [click_id for click_id in sent if click_id not in gone], partners, registered)
    return made


def _register(
    random: Random, api: httpx.Client, sent: Sequence[str], rows: Sequence[Row], codes: Sequence[str]
) -> list[dict[str, Any]]:
    """Some clicks bring clients, some codes do."""
    bodies: list[dict[str, Any]] = []
    for click_id in random.sample(sent, len(sent) // 12):
        seconds = random.choice([5, 300, 3000, 80_000, 500_000, 5_000_000])
        late = datetime.fromisoformat(rows[sent.index(click_id)]["time"]) + timedelta(seconds=seconds)
        profile = {"firstName": "Mary", "tags": random.sample(["vip", "new", "x"], 2)}
        bodies.append({"clickId": click_id, "time": late.isoformat(), "profile": profile})
    bodies += [{"code": code, "time": NOW.isoformat(), "profile": {"firstName": "Ann"}} for code in codes]
    answers = [api.post("/registrations", json=body) for body in bodies]
    assert {answer.status_code for answer in answers} == {201}
    tags = [body["profile"].get("tags", []) for body in bodies]
    return [{**answer.json(), "tags": each} for answer, each in zip(answers, tags, strict=True)]


def _make_click(random: Random, mark: str, codes: Sequence[str]) -> dict[str, Any]:
    day = random.choice([0, 1, 30, 31, 200]) * random.random()  # near the present, on few days, and a tail
    uri = f"https://{mark}.example/p?referral={random.choice(codes)}{random.choice(UTM)}{random.choice(SUBS)}"
    row = {
        "ip": f"10.0.{random.randrange(2)}.{random.randrange(4)}",
        "uri": uri,
        "time": (NOW - timedelta(days=day, seconds=random.randrange(9000))).isoformat(),
        "userAgent": random.choice(AGENTS),
        "referrer": random.choice(REFERRERS),
        "visitorId": random.choice([None, f"{mark}-{random.randrange(9)}"]),
    }
    return {key: value for key, value in row.items() if value is not None}


def _read_back(
    made: Programme, kept: Sequence[str], partners: Mapping[str, Mapping[str, str | None]], ours: Sequence[Row]
) -> None:
    """`partners`: click id -> link id -> its partner when the click was stored."""
    keys = "columns=clickId,time,ip,uri,userAgent,referrer,utmSource,utmMedium,utmCampaign,utmContent,utmTerm,profileId"
    more = "linkId,bannerId,countryCode,visitor,profile.tags"
    text = made.api.get(f"/clicks/export?format=ndjson&{keys},{more}&filter[uri]={made.mark}.example").text
    clicks = {row["clickId"]: row for row in map(json.loads, text.splitlines())}
    assert set(kept) == set(clicks)
    by_click = {each["clickId"]: each for each in ours}
    for row in clicks.values():
        row["us"] = us_of(row["time"])
        row["partner"] = partners[row["clickId"]].get(row["linkId"])
        row["registration"] = by_click.get(row["clickId"])
    _mark_firsts(clicks, [*partners])
    made.clicks = sorted(clicks.values(), key=lambda row: (row["us"], row["clickId"]))
    made.registrations = [
        {
            "us": us_of(each["time"]),
            "click": clicks.get(each["clickId"]),
            "linkId": each["linkId"],
            "partner": partners.get(each["clickId"], made.links).get(each["linkId"]),
            "registration": each,
        }
        for each in ours
        if each["clickId"] in clicks or each["linkId"] is not None
    ]


def visitor_of(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["ip"], row["userAgent"], row["us"] // DAY_US


def _mark_firsts(clicks: Mapping[str, dict[str, Any]], sent: Sequence[str]) -> None:
    """Of each visitor on each link: the click that was stored first. Where that one was deleted, the earliest left."""
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in clicks.values():
        row["isFirst"] = False
        if not row["visitor"]["isBot"]:
            groups.setdefault((row["linkId"], *visitor_of(row)), []).append(row)
    first_sent = {click_id: place for place, click_id in enumerate(sent)}
    for rows in groups.values():
        min(rows, key=lambda row: first_sent[row["clickId"]])["isFirst"] = True


# What reports are, once more: by hand, click by click.


def lower(name: str) -> str:
    """A to Z in lower case."""
    return "".join(letter.lower() if letter.isascii() else letter for letter in name)


def read_parameter(uri: str, name: str) -> str | None:
    """The last value of a parameter before a `#`; bytes that are not UTF-8 leave it as it is."""
    value = None
    for pair in uri.partition("#")[0].partition("?")[2].split("&"):
        key, sign, text = pair.partition("=")
        if sign and lower(unquote_to_bytes(key.replace("+", " ")).decode(errors="replace")) == name:
            try:
                value = unquote_to_bytes(text.replace("+", " ")).decode().replace("\0", "")
            except UnicodeDecodeError:
                value = text
    return value or None


def delay_of(row: Row) -> str | None:
    if row["registration"] is None or row["us"] is None:
        return None
    seconds = (us_of(row["registration"]["time"]) - row["us"]) / 1e6
    bounds = {"1 minute": 60, "10 minutes": 600, "1 hour": 3600, "1 day": 86400, "7 days": 604800, "30 days": 2592000}
    return next((name for name, bound in bounds.items() if seconds < bound), "more")


def label(us: int, zone: ZoneInfo, grain: str, week_start: str) -> tuple[Any, ...]:
    """The bucket of a moment. Two moments have the same label if, and only if, they are in the same bucket."""
    local = (EPOCH + timedelta(microseconds=us)).astimezone(zone)
    day = local.date()
    if grain == "minute":
        return (day, local.hour, local.minute, local.utcoffset())
    if grain == "hour":
        return (day, local.hour, local.utcoffset())
    if grain == "week":
        first = {"monday": 0, "sunday": 6, "saturday": 5}[week_start]
        return (day - timedelta(days=(day.weekday() - first) % 7),)
    return {
        "day": (day,),
        "month": (day.year, day.month),
        "quarter": (day.year, (day.month - 1) // 3),
        "year": (day.year,),
    }[grain]


def value_of(row: Row, name: str, us: int, query: Mapping[str, str]) -> list[Any]:
    """The values of a dimension: one, or one for each tag."""
    zone = ZoneInfo(query.get("zone", "UTC"))
    if name == "time":
        return [label(us, zone, query["grain"], query.get("week_start", "monday"))]
    local = (EPOCH + timedelta(microseconds=us)).astimezone(zone)
    visitor = row.get("visitor") or {}
    if name == "tag":
        return [*dict.fromkeys((row.get("profile") or {}).get("tags") or [])] or [None]
    find: dict[str, Callable[[], Any]] = {
        "hourOfDay": lambda: local.hour,
        "dayOfWeek": lambda: local.isoweekday(),
        "partner": lambda: row["partner"],
        "link": lambda: row["linkId"],
        "referrerHost": lambda: {"https": "news.example", "http": "[::1]"}.get((row["referrer"] or "").split(":")[0]),
        "rule": lambda: (row["registration"] or {}).get("rule"),
        "delay": lambda: delay_of(row),
        "parameter[sub]": lambda: read_parameter(row["uri"], "sub"),
    }
    return [find[name]() if name in find else visitor[name] if name in visitor else row[name]]


def discrete(values: Iterable[int], share: float) -> int | None:
    """A percentile that is one of the values."""
    ordered = sorted(values)
    place = next((place for place in range(len(ordered)) if place + 1 >= share * len(ordered)), 0)
    return ordered[place] // 1_000_000 if ordered else None


def percent(part: int, whole: int) -> str:
    """Two decimals, half up."""
    if not whole:
        return "0.00"
    hundredths = (part * 10_000 * 2 + whole) // (2 * whole)
    return f"{hundredths // 100}.{hundredths % 100:02d}"


def count_metrics(rows: Sequence[Row], registered: int) -> dict[str, Any]:
    """Every metric of some clicks."""
    people = [row for row in rows if not row["visitor"]["isBot"]]
    brought = [row for row in rows if row["profileId"] is not None]
    delays = [us_of(row["registration"]["time"]) - row["us"] for row in rows if row["registration"] is not None]
    times = sorted((row["us"], row["time"]) for row in people)
    unique = sum(row["isFirst"] for row in rows)
    repeats = sum(row["visitor"]["duplicateOf"] is not None for row in people)
    from_data_centres = sum(bool(row["visitor"]["isDataCentre"]) for row in rows)
    return {
        "clicks": len(people),
        "uniqueClicks": unique,
        "visitors": len({visitor_of(row) for row in people}),
        "browsers": len({row["visitor"]["visitorId"] for row in people} - {None}),
        "bots": len(rows) - len(people),
        "duplicates": repeats,
        "prefetches": sum(bool(row["visitor"]["isPrefetch"]) for row in rows),
        "dataCentreClicks": from_data_centres,
        "allClicks": len(rows),
        "registrations": len(brought),
        "registered": registered,
        "clients": len({row["profileId"] for row in brought}),
        "conversionRate": percent(len(brought), len(people)),
        "uniqueConversionRate": percent(len(brought), unique),
        "botRate": percent(len(rows) - len(people), len(rows)),
        "duplicateRate": percent(repeats, len(people)),
        "dataCentreRate": percent(from_data_centres, len(rows)),
        "timeToRegistration": {"median": discrete(delays, 0.5), "p90": discrete(delays, 0.9)},
        "activePartners": len({row["partner"] for row in people} - {None}),
        "activeLinks": len({row["linkId"] for row in people} - {None}),
        "firstClickTime": times[0][1] if times else None,
        "lastClickTime": times[-1][1] if times else None,
    }


METRICS = tuple(count_metrics([], 0))
ADDING = (
    *("clicks", "uniqueClicks", "bots", "duplicates", "prefetches", "dataCentreClicks", "allClicks"),
    "registrations",
)
DIMENSIONS = (
    *("time", "hourOfDay", "dayOfWeek", "countryCode", "referrer", "referrerHost", "utmSource", "utmMedium", "utmTerm"),
    *("utmCampaign", "partner", "link", "rule", "tag", "device", "browser", "os", "isBot", "botRule", "delay"),
    "parameter[sub]",
)


def recount(made: Programme, query: Mapping[str, str], start: int, end: int) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Key -> metrics of each group, and of all under the key `("total",)`."""
    names = [name for name in query.get("group_by", "").split(",") if name]
    wanted = FILTERS[query.get("filter", "none")]
    groups: dict[tuple[Any, ...], list[Row]] = {}
    happened: Counter[tuple[Any, ...]] = Counter()
    clicks = [row for row in made.clicks if start <= row["us"] < end and wanted(row)]
    for row in clicks:
        for key in keys_of(row, names, row["us"], query):
            groups.setdefault(key, []).append(row)
    registered = 0
    for each in made.registrations if "registered" in query["metrics"].split(",") else ():
        known = each["click"] or _without_click(each, made)
        if start <= each["us"] < end and wanted(known):
            registered += 1
            for key in keys_of(known, names, each["us"], query):
                happened[key] += 1
    found = {key: count_metrics(groups.get(key, []), happened[key]) for key in groups.keys() | happened.keys()}
    return {**found, ("total",): count_metrics(clicks, registered)}


def keys_of(row: Row, names: Sequence[str], us: int, query: Mapping[str, str]) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = [()]
    for name in names:
        found = [(*key, value) for key in found for value in value_of(row, name, us, query)]
    return found


def _without_click(each: Row, made: Programme) -> Row:
    """A registration by a code alone: its link, its partner, its rule, and nothing of a click."""
    visitor = dict.fromkeys(made.clicks[0]["visitor"])
    nothing = {**dict.fromkeys(made.clicks[0]), "uri": "", "visitor": visitor}
    client = each["registration"]
    known = {"linkId": each["linkId"], "profileId": client["profileId"], "profile": {"tags": client["tags"]}}
    return {**nothing, **known, "partner": each["partner"], "registration": client}


FILTERS: Mapping[str, Callable[[Row], bool]] = {
    "none": lambda _: True,
    "filter[utmSource]=mail": lambda row: row["utmSource"] == "mail",
    "filter[isBot]=0": lambda row: row["visitor"]["isBot"] is False,
    "filter[referrer]=news": lambda row: "news" in (row["referrer"] or "").lower(),
    "filter[registration]=1": lambda row: row["profileId"] is not None,
}
