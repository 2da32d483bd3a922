"""Partners see the network of an address and no user agent, whichever way they ask."""

import json
from pathlib import Path

import httpx

from clicktrail.model.access import Scope
from clicktrail.tokens import issue_token
from tests.api.test_time import World, with_app
from tests.serving import Serving

IP, NETWORK = "81.2.69.142", "81.2.69.0"
AGENT = "Mozilla/5.0 (Linux; Android 10; Quirky7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0 Mobile Safari"
WIDE = "query[visitor]=1&query[origin]=1&query[link]=1"


def test_no_answer_tells_a_partner_who_the_visitor_was(server: Serving, api: httpx.Client, mark: str) -> None:
    partner = api.post("/profiles", json={"firstName": mark}).json()["profileId"]
    link = api.post("/links", json={"code": mark, "profileId": partner, "uri": "https://x.example/"}).json()
    body = {"ip": IP, "uri": f"https://x.example/?referral={mark}", "userAgent": AGENT}
    made = [api.post("/clicks", json=body | {"ip": ip}).json() for ip in (IP, "2a02:6b8:1:2::7")]
    click = made[0]["clickId"]
    with server.client("partner", partner) as own:
        answers = [
            own.get(f"/clicks?{WIDE}"),
            own.get("/clicks"),
            own.get(f"/clicks/{click}"),
            own.get(f"/clicks/{click}?{WIDE}"),
            own.get(f"/clicks/{click}/attribution"),
            own.get("/clicks/export?format=ndjson"),
            own.get("/clicks/export?format=csv&sort_by=time&limit=5"),
            own.get(f"/links/{link['linkId']}"),
            own.get("/registrations"),
        ]
        for answer in answers:
            assert answer.status_code == 200, answer.text
            for secret in (IP, "1:2::7", "Quirky7", "AppleWebKit"):
                assert secret not in answer.text
        assert sorted(each["ip"] for each in answers[1].json()) == ["2a02:6b8:1::", NETWORK]
        assert answers[3].json()["visitor"]["device"] == "phone"
        assert {json.loads(line)["userAgent"] for line in answers[5].text.splitlines()} == {None}
        for query in (f"filter[ip]={IP}", "filter[userAgent]=Quirky7", "sort_by=ip", "sort_by=userAgent"):
            assert own.get(f"/clicks?{query}").status_code == 403, query
        for query in (f"filter[ip]={IP}", "filter[userAgent]=Quirky7"):
            assert own.get(f"/clicks/export?format=csv&{query}").status_code == 403
            assert own.get(f"/reports?{query}").status_code == 403
    whole = api.get(f"/clicks/{click}").json()
    assert (whole["ip"], whole["userAgent"]) == (IP, AGENT)


def test_a_tracker_callback_tells_no_partner_whose_address_clicked(
    server: Serving, api: httpx.Client, mark: str
) -> None:
    partner = api.post("/profiles", json={"firstName": mark}).json()["profileId"]
    link = api.post("/links", json={"code": mark, "profileId": partner}).json()["linkId"]
    body = {"ip": IP, "uri": f"https://x.example/?referral={mark}", "userAgent": AGENT}
    assert api.post("/clicks", json=body).status_code == 201
    answers, shown = [], []
    for ip, name in ((IP, "Ann"), ("81.2.69.143", "Bob")):
        asked = {"token": server.token("postback", partner), "code": mark, "ip": ip, "user_agent": AGENT}
        answer = httpx.get(f"{server.url}/postback", params={**asked, "first_name": name})
        assert answer.status_code == 201, answer.text
        answers.append(answer.json())
        with server.client("partner", partner) as own:
            shown.append(own.get(f"/registrations?filter[profileId]={answers[-1]['profileId']}").json()[0])
            assert own.get("/clicks?filter[registration]=1").json() == []
            assert own.get(f"/links/{link}/metrics").json()["registrations"] == 0
    for one, other in (answers, shown):
        differing = {key for key in one if one[key] != other[key]}
        assert differing - {"createTime"} == {"attributionId", "profileId", "time"}  # both may be of one second
    assert {(each["rule"], each["linkId"], each["clickId"]) for each in (*answers, *shown)} == {("code", link, None)}
    site = {"code": mark, "ip": IP, "userAgent": AGENT, "profile": {"firstName": "Cid"}}
    assert api.post("/registrations", json=site).json()["rule"] == "last-touch"


def test_the_operator_may_show_them(tmp_path: Path) -> None:
    async def work(world: World) -> None:
        partner = (await world.api.post("/profiles", json={"firstName": "Ada"})).json()["profileId"]
        await world.api.post("/links", json={"code": "spring", "profileId": partner})
        body = {"ip": IP, "uri": "https://x.example/?referral=spring", "userAgent": AGENT}
        whole = (await world.api.post("/clicks", json=body)).json()
        token, _ = issue_token(world.app.keys, Scope.PARTNER, "x", 600, partner)
        asked = await world.api.get(f"/clicks?filter[ip]={IP}", headers={"Authorization": f"Bearer {token}"})
        assert asked.json() == [whole]
        token, _ = issue_token(world.app.keys, Scope.POSTBACK, "x", 600, partner)
        told = {"token": token, "code": "spring", "ip": IP, "user_agent": AGENT, "first_name": "Ann"}
        assert (await world.api.get("/postback", params=told)).json()["clickId"] == whole["clickId"]

    with_app(tmp_path, work, partner_sees_visitors=True)
