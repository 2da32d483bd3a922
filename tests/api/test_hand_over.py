"""A link that is handed over to another partner: old clicks and what they earned stay with the earlier one."""

import httpx
import pytest

from tests.api.test_attribution import click, make_link, register
from tests.ingest.test_agents import GOOGLE
from tests.serving import Serving


class Case:
    """A link of Ada's with two clicks, one of which has a client; then Bob's, with one click more."""

    def __init__(self, api: httpx.Client, mark: str) -> None:
        self.ada, self.bob = (
            api.post("/profiles", json={"firstName": f"{name}{mark}"}).json()["profileId"] for name in ("Ada", "Bob")
        )
        for name, partner in (("ada", self.ada), ("bob", self.bob)):
            body = {
                "profileId": partner,
                "uri": "https://postback.invalid/",
                "events": ["registration"],
                "uuid": mark + name,
            }
            assert api.post("/postbacks", json={**body, "method": "POST", "enabled": False}).status_code == 201
        self.link = make_link(api, mark, self.ada)
        self.old = [click(api, mark, 10), click(api, mark, 11)]
        self.client = register(api, clickId=self.old[0])["profileId"]
        self.answer = api.patch(f"/links/{self.link}", json={"profileId": self.bob})
        self.new = click(api, mark, 12)


@pytest.fixture
def case(api: httpx.Client, mark: str) -> Case:
    return Case(api, mark)


def test_the_answer_says_what_stays(api: httpx.Client, case: Case) -> None:
    document = case.answer.json()
    assert document["staying"] == {"partnerId": case.ada, "clicks": 2}
    assert document["profileId"] == case.bob
    again = api.patch(f"/links/{case.link}", json=document)  # an answer may be sent back
    assert again.status_code == 200, again.text
    assert "staying" not in again.json()
    assert "staying" not in api.get(f"/links/{case.link}").json()
    freed = api.patch(f"/links/{case.link}", json={"profileId": None}).json()
    assert freed["staying"] == {"partnerId": case.bob, "clicks": 1}
    assert api.patch(f"/links/{case.link}", json={"profileId": case.ada}).json()["staying"] == {
        "partnerId": None,
        "clicks": 0,
    }


def test_a_click_says_where_it_is_counted(api: httpx.Client, case: Case) -> None:
    origins = [api.get(f"/clicks/{each}?query[origin]=1").json()["origin"] for each in (*case.old, case.new)]
    assert [each["partnerId"] for each in origins] == [case.ada, case.ada, case.bob]
    assert [each["isFirst"] for each in origins] == [True, True, True]
    assert origins[0] == {"partnerId": case.ada, "siteId": None, "referrerHost": None, "isFirst": True}


def test_each_partner_sees_its_own_clicks(server: Serving, api: httpx.Client, mark: str, case: Case) -> None:
    for partner, own, others in ((case.ada, case.old, [case.new]), (case.bob, [case.new], case.old)):
        with server.client("partner", partner) as asking:
            listed = asking.get("/clicks?sort_by=clickId&sort_order=asc", headers={"Prefer": "count=exact"})
            assert [each["clickId"] for each in listed.json()] == own
            assert listed.headers["X-Total-Count"] == str(len(own))
            assert [asking.get(f"/clicks/{each}").status_code for each in (*own, *others)] == [200] * len(own) + [
                404
            ] * len(others)
            exported = asking.get("/clicks/export?format=ndjson&sort_by=clickId&sort_order=asc").text
            assert [each in exported for each in (*own, *others)] == [True] * len(own) + [False] * len(others)
            assert asking.get(f"/profiles/{case.client}").status_code == (200 if partner == case.ada else 404)
            found = asking.get(f"/clicks?filter[profileName]=Ada{mark}").json()
            assert len(found) == (2 if partner == case.ada else 0)
    named = api.get(f"/clicks?filter[profileName]=Ada{mark}&sort_by=clickId&sort_order=asc").json()
    assert [each["clickId"] for each in named] == case.old


def test_a_partners_figures_leave_out_what_stays(server: Serving, api: httpx.Client, mark: str, case: Case) -> None:
    click(api, mark, 12, userAgent=GOOGLE)
    assert api.get(f"/links/{case.link}/metrics").json()["clicks"] == 3
    with server.client("partner", case.bob) as bob:
        found = bob.get(f"/links/{case.link}/metrics").json()
        assert (found["clicks"], found["uniqueClicks"], found["registrations"]) == (1, 1, 0)
        assert bob.get(f"/links/{case.link}/metrics?bots=true").json()["clicks"] == 2
        [shown] = bob.get("/clicks?filter[isBot]=0&query[metrics]=1").json()
        assert shown["metrics"] == found
    with server.client("partner", case.ada) as ada:
        assert ada.get(f"/links/{case.link}/metrics").status_code == 404
    api.patch(f"/links/{case.link}", json={"profileId": case.ada})
    with server.client("partner", case.ada) as ada:
        found = ada.get(f"/links/{case.link}/metrics").json()
        assert (found["clicks"], found["uniqueClicks"], found["registrations"]) == (2, 2, 1)


def test_an_old_click_earns_for_the_earlier_partner(server: Serving, api: httpx.Client, mark: str, case: Case) -> None:
    for name in ("ada", "bob"):
        postback = api.get(f"/postbacks?filter[uuid]={mark}{name}").json()[0]["postbackId"]
        api.patch(f"/postbacks/{postback}", json={"enabled": True})
    made = register(api, clickId=case.old[1], profile={"firstName": "Late"})
    told = [each["profileId"] for each in api.get("/deliveries?limit=1000").json()]
    assert (told.count(case.ada), told.count(case.bob)) == (1, 0)
    by_code = register(api, code=mark, profile={"firstName": "Coded"})
    told = [each["profileId"] for each in api.get("/deliveries?limit=1000").json()]
    assert (told.count(case.ada), told.count(case.bob)) == (1, 1)
    with server.client("partner", case.ada) as ada:
        shown = ada.get(f"/profiles/{made['profileId']}/attribution").json()
        assert (shown["clickId"], [each["clickId"] for each in shown["considered"]]) == (case.old[1], [case.old[1]])
        assert ada.get(f"/profiles/{by_code['profileId']}/attribution").status_code == 404
    with server.client("partner", case.bob) as bob:
        assert bob.get(f"/profiles/{made['profileId']}/attribution").status_code == 404
        assert bob.get(f"/clicks/{case.old[1]}/attribution").status_code == 404


def test_the_earlier_partner_learns_nothing_of_the_link_of_the_other(
    server: Serving, api: httpx.Client, mark: str, case: Case
) -> None:
    """Neither shown nor found: an old click has the link's id alone, as in a list."""
    code = f"{mark}secret"
    assert api.patch(f"/links/{case.link}", json={"code": code, "name": "Hidden"}).status_code == 200
    begins = (f"filter[code]={code}", f"filter[code][starts]={code[:-1]}", f"filter[code][contains]={code[1:]}")
    with server.client("partner", case.ada) as ada, server.client("partner", case.bob) as bob:
        assert ada.get(f"/clicks/{case.old[0]}?query[link]=1").json()["link"] is None
        by_link = "/reports?group_by=link&period=all"
        [row] = ada.get(by_link).json()["rows"]
        assert (row["linkId"], row["linkCode"], row["linkName"], row["clicks"]) == (case.link, None, None, 2)
        assert code not in ada.get(by_link.replace("?", "/export?format=ndjson&")).text
        [row] = bob.get(by_link).json()["rows"]
        assert (row["linkId"], row["linkCode"], row["linkName"], row["clicks"]) == (case.link, code, "Hidden", 1)
        for asking, all_own, found in ((ada, 2, 0), (bob, 1, 1)):
            for wanted in begins:
                assert len(asking.get(f"/clicks?{wanted}").json()) == found, wanted
                assert asking.get(f"/reports?{wanted}&period=all").json()["totals"]["clicks"] == found
                assert len(asking.get(f"/clicks/export?format=ndjson&{wanted}").text.splitlines()) == found
            others = asking.get(f"/clicks?filter[code][ne]={code}", headers={"Prefer": "count=exact"})
            assert others.headers["X-Total-Count"] == str(all_own - found)
            assert len(asking.get("/clicks?filter[code][null]=1").json()) == all_own - found
    assert len(api.get(f"/clicks?{begins[0]}").json()) == 3


def test_a_partner_with_clicks_is_not_deleted(api: httpx.Client, case: Case) -> None:
    assert api.delete(f"/profiles/{case.ada}").status_code == 409
    for each in case.old:
        assert api.delete(f"/clicks/{each}").status_code == 204
    assert api.delete(f"/profiles/{case.ada}").status_code == 204


def test_a_merge_moves_what_an_earlier_partner_keeps(server: Serving, api: httpx.Client, mark: str) -> None:
    """A second profile of the partner that owns nothing any more."""
    old, new, kept = (api.post("/profiles", json={"firstName": f"{name}{mark}"}).json()["profileId"] for name in "abc")
    link = make_link(api, mark, old)
    earned = click(api, mark, 10)
    client = register(api, clickId=earned)["profileId"]
    api.patch(f"/links/{link}", json={"profileId": new})
    assert api.post(f"/profiles/{kept}/merge", json={"profileId": old}).status_code == 200
    with server.client("partner", kept) as partner:
        assert [each["clickId"] for each in partner.get("/clicks").json()] == [earned]
        assert partner.get(f"/profiles/{client}/attribution").json()["clickId"] == earned
