"""A programme's history moves in: from a server of the reference, by the commands of docs/moving-in.md."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.reference import CLIENT_ID, CLIENT_SECRET, reference_server
from tests.serving import COMMAND, Serving

GUIDE = Path(__file__).parents[2] / "docs" / "moving-in.md"
CREATED = "2020-09-13T12:26:40+00:00"
CLICKS = 10


def make_history(mark: str) -> dict[str, list[dict[str, Any]]]:
    """Two partners, a client, a banner, two links and clicks: one programme, of which half has ids of another kind."""

    def own(number: int) -> str:
        return f"5f5e1000{mark[1:9]}{number:08x}"

    partners: list[dict[str, Any]] = [
        {"profileId": own(1).upper(), "firstName": "Ada", "lastName": f"P{mark}", "middleName": None, "enabled": True},
        {
            "profileId": int(mark[1:9], 16),
            "firstName": "Bob",
            "lastName": f"Q{mark}",
            "createTime": "2019-05-05T00:00:00+00:00",
        },
    ]
    client = {
        "profileId": own(2),
        "firstName": "Mary",
        "lastName": "Smith",
        "middleName": "Jane",
        "name": "Mary Jane Smith",
        "enabled": True,
        "uuid": f"user-{mark}",
        "country": {"alpha2": "US", "alpha3": "USA", "numeric": "840", "name": "United States"},
        "countryNumericCode": "840",
        "tags": ["61", "vip"],
        "contacts": [
            {"contactId": own(3), "key": "email", "value": f"{mark}@email.com", "uuid": None, "createTime": CREATED},
            {"contactId": own(4), "key": "phone", "value": "no number", "uuid": f"c-{mark}"},
            {"contactId": own(5), "key": "fax", "value": "1"},
        ],
        "createTime": CREATED,
        "updateTime": "2021-02-03T04:05:06+00:00",
    }
    banner = {
        "bannerId": own(6),
        "bannerName": "Tight Spreads",
        "cdnFileUrl": "https://cdn.example/x.png",
        "languageId": own(7),
        "languageName": "English",
        "sizeId": f"3{mark}",
        "sizeName": "small",
        "themeId": None,
        "width": 200,
        "height": 100,
    }
    link = {"linkId": own(8), "code": f"a{mark}", "profileId": own(1), "bannerId": own(6), "enabled": True}
    other = {
        "linkId": f"{mark}-uuid",
        "code": f"b{mark}",
        "profileId": int(mark[1:9], 16),
        "bannerId": None,
        "createTime": CREATED,
    }
    clicks = [
        {
            "clickId": own(100 + number),
            "time": f"2020-09-13T12:26:{number:02}+00:00",
            "referrer": "https://twitter.com",
            "ip": "8.8.8.8",
            "uri": f"https://my.example/register?referral=a{mark}&utm_source={mark}&utm_campaign=sport",
            "userAgent": f"Mozilla/5.0 {number}",
            "utmCampaign": "sport",
            "utmSource": mark,
            "profileId": client["profileId"] if number == 3 else None,
            "linkId": link["linkId"],
            "bannerId": link["bannerId"] if number % 2 else None,
            "latitude": "10.5",
            "longitude": "-20.25",
            "countryCode": "FR",
            "countryName": "France",
            "createTime": CREATED,
            "updateTime": "2021-02-03T04:05:06+00:00",
            "uuid": None,
        }
        for number in range(CLICKS)
    ]
    foreign = {"clickId": f"9{mark}", "time": CREATED, "ip": "8.8.4.4", "uri": f"https://my.example/?utm_source={mark}"}
    clicks.append(foreign | {"linkId": f"{mark}-uuid", "createTime": CREATED, "uuid": None})
    return {"profiles": [*partners, client], "banners": [banner], "links": [link, other], "clicks": clicks}


def commands() -> list[str]:
    """The shell of the guide, without the lines in which its reader fills in names: fetching, and importing."""
    blocks = re.findall(r"```sh\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    return [block for block in blocks if "OLD=" not in block]


def move_in(folder: Path, script: str, old: str, server: Serving) -> subprocess.CompletedProcess[str]:
    wrapper = folder / "clicktrail"
    wrapper.write_text(f'#!/bin/sh\nexec {" ".join(COMMAND)} "$@"\n')
    wrapper.chmod(0o755)
    variables = {
        "OLD": old,
        "CLIENT_ID": CLIENT_ID,
        "CLIENT_SECRET": CLIENT_SECRET,
        "CLICKTRAIL_DATA": str(server.data),
        "PATH": f"{folder}:{os.environ['PATH']}",
        **{f"CLICKTRAIL_{name.upper()}": value for name, value in server.store.items()},
    }
    return subprocess.run(
        ["sh", "-eu", "-c", script],
        cwd=folder,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_whole_way_as_the_guide_shows_it(server: Serving, api: httpx.Client, mark: str, tmp_path: Path) -> None:
    history = make_history(mark)
    with reference_server(history) as old:
        fetching, importing = commands()
        done = move_in(tmp_path, fetching + importing, old, server)
        assert done.returncode == 0, done.stdout + done.stderr
        for text in (
            "3 imported (profiles)",
            "1 imported (banners)",
            "2 imported (links)",
            f"{CLICKS + 1} imported (c",
        ):
            assert text in done.stdout
        assert "1 a contact that is neither email nor phone was left out" in done.stdout
        assert "1 a contact was kept as it is although it is not a valid phone" in done.stdout
        again = move_in(tmp_path, importing, old, server)
        assert (again.returncode, f"{CLICKS + 1} there already (clicks)" in again.stdout) == (0, True), again.stdout
    clicks = api.get(f"/clicks?filter[utmSource]={mark}&limit=100&sort_by=time&sort_order=asc&query[profile]=1").json()
    assert len(clicks) == CLICKS + 1
    for sent, shown in zip(history["clicks"][:CLICKS], clicks, strict=False):
        kept = {name: value for name, value in sent.items() if name not in ("createTime", "countryName")}
        assert {name: shown[name] for name in kept} == kept
    check_client(api, clicks[3], mark)
    check_links(api, history, clicks, mark)


def check_client(api: httpx.Client, click: dict[str, Any], mark: str) -> None:
    client = click["profile"]
    assert (client["name"], client["tags"], client["uuid"]) == ("Mary Jane Smith", ["61", "vip"], f"user-{mark}")
    assert (client["country"]["alpha2"], client["updateTime"]) == ("US", "2021-02-03T04:05:06+00:00")
    contacts = [(each["key"], each["value"], each["uuid"]) for each in client["contacts"]]
    assert contacts == [("email", f"{mark}@email.com", None), ("phone", "no number", f"c-{mark}")]
    attribution = api.get(f"/clicks/{click['clickId']}/attribution").json()
    assert (attribution["rule"], attribution["profileId"]) == ("imported", client["profileId"])
    other = api.post("/clicks", json={"ip": "8.8.8.8", "uri": f"https://my.example/?referral=b{mark}"}).json()
    body = {"clickId": other["clickId"], "profile": {"uuid": f"user-{mark}"}}
    assert api.post("/registrations", json=body).json()["clickId"] == click["clickId"], "history was attributed anew"


def check_links(api: httpx.Client, history: dict[str, Any], clicks: list[dict[str, Any]], mark: str) -> None:
    [link] = api.get(f"/links?filter[code]=a{mark}").json()
    assert (link["linkId"], link["profileId"]) == (history["links"][0]["linkId"], history["links"][0]["profileId"])
    figures = api.get(f"/links/{link['linkId']}/metrics").json()
    assert (figures["clicks"], figures["registrations"], figures["conversionRate"]) == (CLICKS, 1, "10.00")
    [other] = api.get(f"/links?filter[code]=b{mark}").json()
    assert (other["uuid"], other["createTime"]) == (f"{mark}-uuid", CREATED)
    partner = api.get(f"/profiles/{other['profileId']}").json()
    assert (partner["firstName"], partner["createTime"]) == ("Bob", "2019-05-05T00:00:00+00:00")
    [foreign] = [click for click in clicks if click["uuid"] == f"9{mark}"]
    assert (foreign["linkId"], foreign["createTime"]) == (other["linkId"], CREATED)
    found = api.get(f"/clicks?filter[profileName]=p{mark}&limit=100").json()
    assert len(found) == CLICKS
    banner = api.get(f"/banners/{link['bannerId']}").json()
    assert (banner["languageName"], banner["sizeName"], banner["themeName"]) == ("English", "small", None)


def post(api: httpx.Client, rows: list[Any], **headers: str) -> list[dict[str, Any]]:
    answer = api.post("/imports", json=rows, headers=headers)
    assert answer.status_code == 200, answer.text
    results: list[dict[str, Any]] = answer.json()["results"]
    return results


class TestByHttp:
    def test_what_points_to_nothing_is_refused_or_stored_without_it(self, api: httpx.Client, mark: str) -> None:
        history = make_history(mark)
        [result] = post(api, history["clicks"][3:4])
        assert result["status"] == 422
        assert {each["pointer"] for each in result["errors"]} == {"/profileId", "/linkId", "/bannerId"}
        [result] = post(api, history["clicks"][3:4], Prefer="missing=null")
        assert result["status"] == 201
        shown = api.get(f"/clicks/{result['id']}").json()
        assert (shown["profileId"], shown["linkId"], shown["countryCode"]) == (None, None, "FR")
        assert [each["status"] for each in post(api, [history["links"][0]])] == [422]

    def test_the_order_within_a_batch_does_not_matter(self, api: httpx.Client, mark: str) -> None:
        history = make_history(mark)
        rows = [*history["clicks"], *history["links"], *history["profiles"], *history["banners"]]
        assert {each["status"] for each in post(api, rows)} == {201}
        assert {each["status"] for each in post(api, rows)} == {200}

    def test_what_differs_is_refused_and_stays(self, api: httpx.Client, mark: str) -> None:
        history = make_history(mark)
        rows = [*history["profiles"], *history["banners"], *history["links"], *history["clicks"]]
        post(api, rows)
        changes: list[tuple[str, int, dict[str, Any]]] = [
            ("profiles", 2, {"firstName": "Martha"}),
            ("profiles", 2, {"contacts": []}),
            ("links", 0, {"profileId": int(mark[1:9], 16)}),
            ("banners", 0, {"bannerName": "Loose Spreads"}),
            ("clicks", 1, {"ip": "1.1.1.1"}),
            ("clicks", 1, {"profileId": history["profiles"][2]["profileId"]}),
        ]
        for kind, place, change in changes:
            [result] = post(api, [history[kind][place] | change])
            assert result["status"] == 409, change
            assert [each["pointer"] for each in result["errors"]] == [f"/{name}" for name in change]
        assert [each for each in post(api, rows) if each["status"] != 200] == []

    def test_what_another_object_has_is_refused(self, api: httpx.Client, mark: str) -> None:
        history = make_history(mark)
        post(api, [*history["profiles"], *history["banners"], *history["links"]])
        client, link = history["profiles"][2], history["links"][0]
        rows = [client | {"profileId": f"x{mark}"}, link | {"linkId": f"x{mark}"}, {**link, "linkId": f"y{mark}"}]
        results = post(api, rows)
        assert [each["status"] for each in results] == [409] * 3
        pointers = {each["pointer"] for each in results[0]["errors"]}
        assert pointers == {"/uuid", "/contacts/0/contactId", "/contacts/1/contactId", "/contacts/1/uuid"}
        assert [each["pointer"] for each in results[1]["errors"]] == ["/code"]
        twins = [{"linkId": f"z{mark}{n}", "code": f"z{mark}"} for n in range(2)]
        assert [each["status"] for each in post(api, twins)] == [201, 409]

    @pytest.mark.parametrize(
        ("row", "pointer"),
        [
            ({"clickId": "ffffffff0000000000000000", "ip": "8.8.8.8", "uri": "https://x.example/"}, "/clickId"),
            ({"clickId": [], "ip": "8.8.8.8", "uri": "https://x.example/"}, "/clickId"),
            ({"clickId": "a", "ip": "8.8.8.8", "uri": "https://x.example/", "latitude": "north"}, "/latitude"),
            ({"clickId": "a", "ip": "x", "uri": "https://x.example/"}, "/ip"),
            ({"clickId": "a", "ip": "8.8.8.8", "uri": "https://x.example/", "linkId": "x" * 256}, "/linkId"),
            ({"profileId": "ffffffff0000000000000000"}, "/profileId"),
            ({"profileId": None}, "/profileId"),
            ({"profileId": "a", "contacts": 5}, "/contacts"),
            ({"profileId": "a", "firstName": "x" * 256}, "/firstName"),
            ({"bannerId": "a"}, "/bannerName"),
            ({"linkId": "a", "updateTime": "today"}, "/updateTime"),
            ({"linkId": "a\0"}, "/linkId"),
            ({"linkId": "a", "tags": 1, "uri": "no url"}, "/uri"),
            (7, ""),
            ([], ""),
        ],
    )
    def test_what_is_not_valid_is_named(self, api: httpx.Client, row: Any, pointer: str) -> None:
        [result] = post(api, [row])
        assert result["status"] == 422
        assert pointer in [each["pointer"] for each in result["errors"]], result

    def test_no_text_breaks_a_batch(self, api: httpx.Client, mark: str) -> None:
        banner = {"bannerId": f"n{mark}", "bannerName": "a", "languageId": f"n{mark}", "languageName": "a\0b"}
        click = {"clickId": f"n{mark}", "ip": "8.8.8.8", "uri": "https://x.example/", "utmSource": "a\0b", "code": "\0"}
        assert [each["status"] for each in post(api, [banner, click])] == [201, 201]

    def test_nobody_is_told(self, api: httpx.Client, mark: str) -> None:
        [partner, *_] = post(api, [{"profileId": f"p{mark}", "firstName": "Ada"}])
        post(api, [{"linkId": f"l{mark}", "code": mark, "profileId": f"p{mark}"}, {"profileId": f"c{mark}"}])
        hook = {
            "profileId": partner["id"],
            "uri": "https://hook.example/?c=[click_id]",
            "events": ["click", "registration"],
        }
        answer = api.post("/postbacks", json={name: hook[name] for name in hook})
        assert answer.status_code == 201, answer.text
        sent = api.post("/clicks", json={"ip": "8.8.8.8", "uri": f"https://x.example/?referral={mark}"}).json()
        now = {
            "time": sent["time"],
            "ip": "8.8.8.8",
            "uri": f"https://x.example/?referral={mark}",
            "linkId": f"l{mark}",
        }
        rows = [{**now, "clickId": f"{number}{mark}", "profileId": f"c{mark}"} for number in range(3)]
        assert {each["status"] for each in post(api, rows)} == {201}
        deliveries = api.get(f"/deliveries?filter[postbackId]={answer.json()['postbackId']}&limit=100").json()
        assert [each["clickId"] for each in deliveries] == [sent["clickId"]]
