"""Postbacks over HTTP: a partner's own server is told of clicks and registrations, once at least, signed."""

import base64
import hashlib
import hmac
import json
import re
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from tests.api.test_attribution import make_partner
from tests.conftest import NewStore
from tests.ingest.test_agents import CHROME, GOOGLE
from tests.receiver import Received, Receiver, receiving
from tests.serving import Serving, serving
from tests.waiting import until

PATIENCE_S = "60"
"""An attempt that is given up after its request came is made again, and told twice: on a busy machine none may be."""


@pytest.fixture(scope="module")
def receiver_and_server(
    engine_kind: str, tmp_path_factory: pytest.TempPathFactory, new_store: NewStore
) -> Iterator[tuple[Receiver, Serving]]:
    folder = tmp_path_factory.mktemp("postbacks")
    with receiving(folder) as (receiver, trusted), pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(trusted))
        settings = {"postback_networks": "127.0.0.1/32", "postback_timeout_s": PATIENCE_S, **new_store(engine_kind)}
        with serving(folder / "data", **settings) as server:
            yield receiver, server


@pytest.fixture(scope="module")
def receiver(receiver_and_server: tuple[Receiver, Serving]) -> Receiver:
    return receiver_and_server[0]


@pytest.fixture(scope="module")
def teller(receiver_and_server: tuple[Receiver, Serving]) -> Serving:
    return receiver_and_server[1]


@pytest.fixture(scope="module")
def api(teller: Serving) -> Iterator[httpx.Client]:
    with teller.client() as client:
        yield client


def make_postback(api: httpx.Client, partner: str, uri: str, *events: str, **more: Any) -> dict[str, Any]:
    answer = api.post("/postbacks", json={"profileId": partner, "uri": uri, "events": events, **more})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def make_link(api: httpx.Client, code: str, partner: str) -> str:
    link_id: str = api.post("/links", json={"code": code, "profileId": partner}).json()["linkId"]
    return link_id


def click(api: httpx.Client, code: str, query: str = "", **more: Any) -> str:
    body = {"ip": "8.8.8.8", "userAgent": CHROME, "uri": f"https://x.example/?referral={code}{query}", **more}
    click_id: str = api.post("/clicks", json=body).json()["clickId"]
    return click_id


def deliveries(api: httpx.Client, postback: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get("/deliveries", params={"filter[postbackId]": postback["postbackId"]}).json()
    return found


def settled(api: httpx.Client, postback: dict[str, Any], count: int = 1) -> list[dict[str, Any]]:
    def is_settled() -> bool:
        found = deliveries(api, postback)
        return len(found) >= count and all(each["status"] != "waiting" for each in found)

    until(is_settled, "all delivered or dead")
    return deliveries(api, postback)


def signature(secret: str, received: Received, payload: bytes) -> str:
    headers = received.headers
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + payload
    key = base64.b64decode(secret.removeprefix("whsec_"))
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def test_a_click_is_told_by_a_get_with_macros(api: httpx.Client, receiver: Receiver, mark: str) -> None:
    partner = make_partner(api)
    link_id = make_link(api, mark, partner)
    uri = receiver.url(
        f"/{mark}/{{event}}/{{click_id}}?src={{utm_source}}&sub={{query.SubId}}&code={{code}}&ref={{rule}}"
    )
    postback = make_postback(api, partner, uri, "click")
    click_id = click(api, mark, "&utm_source=a%26b%0d%0aX:%20y&subid=%C3%A9%2F..%2F")
    [received] = receiver.wait(f"/{mark}/click/{click_id}", 1)
    assert received.query == {"src": "a&b\r\nX: y", "sub": "é/../", "code": mark, "ref": ""}
    assert received.method == "GET"
    [delivery] = settled(api, postback)
    assert delivery == {
        **delivery,
        "clickId": click_id,
        "profileId": partner,
        "event": "click",
        "status": "delivered",
        "attempts": 1,
        "responseStatus": 200,
        "error": None,
        "dueTime": None,
        "attributionId": None,
    }
    assert received.headers["webhook-id"] == delivery["deliveryId"]
    assert abs(int(received.headers["webhook-timestamp"]) - time.time()) < 60
    assert received.headers["webhook-signature"] == signature(postback["secret"], received, received.path.encode())
    assert received.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert link_id not in received.path


def test_a_registration_is_told_by_a_signed_post(api: httpx.Client, receiver: Receiver, mark: str) -> None:
    partner = make_partner(api)
    link_id = make_link(api, mark, partner)
    postback = make_postback(api, partner, receiver.url(f"/{mark}"), "registration", method="POST")
    click_id = click(api, mark, visitorId=mark)
    client = {"firstName": "Mary", "uuid": mark, "contacts": [{"key": "email", "value": "mary@client.example"}]}
    made = api.post("/registrations", json={"visitorId": mark, "profile": client}).json()
    [received] = receiver.wait(f"/{mark}", 1)
    told = json.loads(received.body)
    assert told["type"] == "registration"
    assert told["data"] == {
        **told["data"],
        "clickId": click_id,
        "linkId": link_id,
        "code": mark,
        "profileId": made["profileId"],
        "profileUuid": mark,
        "attributionId": made["attributionId"],
        "rule": "last-touch",
    }
    assert received.headers["webhook-signature"] == signature(postback["secret"], received, received.body)
    for secret in ("8.8.8.8", "Mary", "mary@", "Mozilla"):  # nobody's contact, name, address or browser is told
        assert secret not in received.body.decode() + received.path
    # The same registration again is no second event.
    assert api.post("/registrations", json={"visitorId": mark, "profile": client}).status_code == 200
    assert [each["event"] for each in settled(api, postback)] == ["registration"]
    # A click that a site ties to a client itself is a registration too.
    other = click(api, mark)
    assert api.patch(f"/clicks/{other}", json={"profile": {"firstName": "Ann"}}).status_code == 200
    assert json.loads(receiver.wait(f"/{mark}", 2)[1].body)["data"]["clickId"] == other


def test_who_came_by_a_code_alone_is_told_without_a_click(api: httpx.Client, receiver: Receiver, mark: str) -> None:
    partner = make_partner(api)
    make_link(api, mark, partner)
    make_postback(api, partner, receiver.url(f"/{mark}?c={{code}}&k={{click_id}}"), "registration")
    assert api.post("/registrations", json={"code": mark, "profile": {"firstName": "Jo"}}).status_code == 201
    assert receiver.wait(f"/{mark}", 1)[0].query == {"c": mark, "k": ""}


def test_robots_history_and_other_partners_are_not_told_of(api: httpx.Client, receiver: Receiver, mark: str) -> None:
    partner, other = make_partner(api), make_partner(api)
    make_link(api, mark, partner)
    make_link(api, f"{mark}-2", other)
    postback = make_postback(api, partner, receiver.url(f"/{mark}"), "click", "registration")
    click(api, mark, userAgent=GOOGLE)
    click(api, mark, time="2024-01-01T00:00:00Z")
    click(api, f"{mark}-2")
    click(api, "no-such-link")
    told = click(api, mark)
    assert [each["clickId"] for each in settled(api, postback)] == [told]
    assert len(receiver.at(f"/{mark}")) == 1


def test_a_batch_and_repeats_are_told_once(api: httpx.Client, receiver: Receiver, mark: str) -> None:
    partner = make_partner(api)
    make_link(api, mark, partner)
    first = make_postback(api, partner, receiver.url(f"/{mark}-1?id={{click_id}}"), "click")
    make_postback(api, partner, receiver.url(f"/{mark}-2?id={{click_id}}"), "click")
    uri = f"https://x.example/?referral={mark}"
    rows = [{"ip": "8.8.8.8", "uri": uri, "userAgent": CHROME, "uuid": f"{mark}{n}"} for n in range(50)]
    made = api.post("/clicks/batch", json=rows).json()["clickIds"]
    assert api.post("/clicks/batch", json=rows).json()["repeated"] == 50
    for path in (f"/{mark}-1", f"/{mark}-2"):
        receiver.wait(path, 50)
    assert {each["status"] for each in settled(api, first, 10)} == {"delivered"}
    for path in (f"/{mark}-1", f"/{mark}-2"):
        assert sorted(each.query["id"] for each in receiver.at(path)) == sorted(made)


def test_a_failed_delivery_is_tried_again_and_then_delivered(api: httpx.Client, receiver: Receiver, mark: str) -> None:
    partner = make_partner(api)
    make_link(api, mark, partner)
    receiver.answers[f"/{mark}"] = [500]
    postback = make_postback(api, partner, receiver.url(f"/{mark}"), "click")
    click(api, mark)
    seen: list[dict[str, Any]] = []

    def has_failed() -> bool:
        seen[:] = deliveries(api, postback)
        return [each["error"] for each in seen] == ["answered 500"]

    until(has_failed, "the failure is shown")
    [delivery] = seen
    assert (delivery["status"], delivery["attempts"], delivery["responseStatus"]) == ("waiting", 1, 500)
    assert delivery["dueTime"] > delivery["updateTime"]
    first, second = receiver.wait(f"/{mark}", 2)  # 2.5 to 7.5 seconds later
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    [delivery] = settled(api, postback)
    assert (delivery["status"], delivery["attempts"], delivery["error"]) == ("delivered", 2, None)
    attempts = api.get(f"/deliveries/{delivery['deliveryId']}/attempts").json()
    assert [(each["responseStatus"], each["error"]) for each in attempts] == [(500, "answered 500"), (200, None)]
    assert delivery["createTime"] <= attempts[0]["time"] < attempts[1]["time"]
    assert all(0 <= each["milliseconds"] < 10_000 for each in attempts)


def test_what_is_given_up_is_listed_and_replayed(api: httpx.Client, receiver: Receiver, mark: str) -> None:
    partner = make_partner(api)
    make_link(api, mark, partner)
    receiver.answers[f"/{mark}"] = [410, 410, 410]
    postback = make_postback(api, partner, receiver.url(f"/{mark}"), "click")
    for _ in range(3):
        click(api, mark)
    settled(api, postback, 3)
    dead = api.get(
        "/deliveries", params={"filter[postbackId]": postback["postbackId"], "filter[status]": "dead"}
    ).json()
    assert [each["error"] for each in dead] == ["answered 410"] * 3
    again = api.post(f"/deliveries/{dead[0]['deliveryId']}/replay").json()
    assert (again["status"], again["attempts"], again["error"]) == ("waiting", 0, None)
    receiver.wait(f"/{mark}", 4)
    until(lambda: api.get(f"/deliveries/{dead[0]['deliveryId']}").json()["status"] == "delivered", "replayed")
    attempts = api.get(f"/deliveries/{dead[0]['deliveryId']}/attempts").json()
    assert [each["responseStatus"] for each in attempts] == [410, 200], "also those before the replay"
    assert api.post(f"/postbacks/{postback['postbackId']}/replay").json() == {"replayed": 2}
    receiver.wait(f"/{mark}", 6)
    assert {each["status"] for each in settled(api, postback, 3)} == {"delivered"}
    assert api.post(f"/postbacks/{postback['postbackId']}/replay").json() == {"replayed": 0}


def test_a_redirect_is_not_followed(api: httpx.Client, receiver: Receiver, mark: str) -> None:
    receiver.answers[f"/{mark}"] = [302]
    postback = make_postback(api, make_partner(api), receiver.url(f"/{mark}"), "click")
    tested = api.post(f"/postbacks/{postback['postbackId']}/test").json()
    assert (tested["responseStatus"], tested["error"]) == (302, "answered 302")
    assert not receiver.at("/elsewhere")


def test_a_test_says_at_once_what_came_of_it(api: httpx.Client, receiver: Receiver, mark: str) -> None:
    partner = make_partner(api)
    make_link(api, mark, partner)
    postback = make_postback(api, partner, receiver.url(f"/{mark}?e={{event}}&c={{code}}&s={{utm_source}}"), "click")
    tested = api.post(f"/postbacks/{postback['postbackId']}/test").json()
    assert (tested["responseStatus"], tested["error"]) == (200, None)
    [received] = receiver.at(f"/{mark}")
    assert received.query == {"e": "test", "c": mark, "s": "test"}
    assert received.headers["webhook-id"] == tested["deliveryId"]
    assert tested["uri"].endswith(received.path)
    assert deliveries(api, postback) == []


@pytest.mark.parametrize(
    ("host", "error"),
    [
        ("nowhere.invalid", "cannot be reached"),
        ("127.0.0.1:1", "cannot be reached"),
        ("localhost:{port}", None),
    ],
)
def test_an_endpoint_that_cannot_be_reached_says_why(
    api: httpx.Client, receiver: Receiver, host: str, error: str | None
) -> None:
    uri = f"https://{host.format(port=receiver.port)}/away"
    postback = make_postback(api, make_partner(api), uri, "click")
    tested = api.post(f"/postbacks/{postback['postbackId']}/test").json()
    assert (error is None and tested["error"] is None) or tested["error"].startswith(error)


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "10.0.0.1",
        "192.168.1.1",
        "127.0.0.2",
        "0x0a000001",
        "[::1]",
        "[fe80::1]",
        "[::ffff:10.0.0.1]",
        "[64:ff9b::a9fe:a9fe]",
        "[2002:a00:1::]",
        "224.0.0.1",
        "0.0.0.0",
    ],
)
def test_private_addresses_are_refused(api: httpx.Client, host: str) -> None:
    body = {"profileId": make_partner(api), "uri": f"https://{host}/x", "events": ["click"]}
    answer = api.post("/postbacks", json=body)
    assert answer.status_code == 422
    assert "is not a public address" in answer.json()["errors"][0]["detail"]
    assert answer.json()["errors"][0]["pointer"] == "/uri"


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"uri": "http://tracker.example/"}, "/uri"),
        ({"uri": "https://tracker.example/?x={nothing}"}, "/uri"),
        ({"uri": "https://tracker.example/?x={click_id"}, "/uri"),
        ({"uri": "https://{code}.example/"}, "/uri"),
        ({"uri": "https://tracker.example/{utm_source}"}, "/uri"),
        ({"uri": "https://user:pass@tracker.example/"}, "/uri"),
        ({"uri": "https://tracker.example/#x"}, "/uri"),
        ({"uri": None}, "/uri"),
        ({"events": []}, "/events"),
        ({"events": ["sale"]}, "/events"),
        ({"events": "click"}, "/events"),
        ({"method": "PUT"}, "/method"),
        ({"profileId": "0" * 24}, "/profileId"),
        ({"profileId": None}, "/profileId"),
        ({"secret": "mine"}, "/secret"),
    ],
)
def test_what_is_wrong_with_a_postback_is_named(api: httpx.Client, changes: dict[str, Any], pointer: str) -> None:
    body = {"profileId": make_partner(api), "uri": "https://tracker.example/", "events": ["click"]}
    answer = api.post("/postbacks", json=body | changes)
    assert answer.status_code == 422
    assert [each["pointer"] for each in answer.json()["errors"]] == [pointer]


def test_the_secret_is_shown_once_and_can_be_replaced(api: httpx.Client, receiver: Receiver, mark: str) -> None:
    partner = make_partner(api)
    body = {"profileId": partner, "uri": receiver.url(f"/{mark}"), "events": ["click"], "uuid": mark}
    made = api.post("/postbacks", json=body)
    assert made.headers["cache-control"] == "no-store"
    assert made.json()["secret"].startswith("whsec_")
    path = f"/postbacks/{made.json()['postbackId']}"
    assert "secret" not in api.get(path).json()
    again = api.post("/postbacks", json=body)
    assert (again.status_code, again.json()["secret"]) == (200, None)
    rotated = api.post(f"{path}/secret").json()["secret"]
    assert rotated != made.json()["secret"]
    api.post(f"{path}/test")
    [received] = receiver.at(f"/{mark}")
    assert received.headers["webhook-signature"] == signature(rotated, received, received.path.encode())


def test_a_partner_sees_the_own_postbacks_alone(
    teller: Serving, api: httpx.Client, receiver: Receiver, mark: str
) -> None:
    partner, other = make_partner(api), make_partner(api)
    make_link(api, mark, partner)
    postback = make_postback(api, partner, receiver.url(f"/{mark}"), "click")
    click(api, mark)
    [delivery] = settled(api, postback)
    delivery_path = f"/deliveries/{delivery['deliveryId']}"
    paths = (f"/postbacks/{postback['postbackId']}", delivery_path, f"{delivery_path}/attempts")
    with teller.client("partner", partner) as own, teller.client("partner", other) as stranger:
        assert [own.get(path).status_code for path in paths] == [200, 200, 200]
        assert [stranger.get(path).status_code for path in paths] == [404, 404, 404]
        assert [len(own.get(path).json()) for path in ("/postbacks", "/deliveries")] == [1, 1]
        assert [stranger.get(path).json() for path in ("/postbacks", "/deliveries")] == [[], []]
        assert own.post(f"{paths[0]}/test").status_code == 403
        assert own.post(f"{paths[1]}/replay").status_code == 403
        assert own.patch(paths[0], json={"enabled": False}).status_code == 403


def test_a_disabled_postback_tells_nothing_and_a_deleted_one_leaves_nothing(
    api: httpx.Client, receiver: Receiver, mark: str
) -> None:
    partner = make_partner(api)
    make_link(api, mark, partner)
    postback = make_postback(api, partner, receiver.url(f"/{mark}"), "click", enabled=False)
    click(api, mark)
    assert deliveries(api, postback) == []
    path = f"/postbacks/{postback['postbackId']}"
    assert api.patch(path, json={"enabled": True}).json()["enabled"] is True
    click(api, mark)
    assert len(settled(api, postback)) == 1
    assert api.delete(path).status_code == 204
    assert deliveries(api, postback) == []
    assert api.post(f"{path}/replay").status_code == api.post(f"{path}/test").status_code == 404
    click(api, mark)


def test_what_was_deleted_meanwhile_is_not_told(api: httpx.Client, receiver: Receiver, mark: str) -> None:
    partner = make_partner(api)
    make_link(api, mark, partner)
    receiver.answers[f"/{mark}"] = [410]
    postback = make_postback(api, partner, receiver.url(f"/{mark}"), "click")
    click_id = click(api, mark)
    [delivery] = settled(api, postback)
    assert api.delete(f"/clicks/{click_id}").status_code == 204
    api.post(f"/deliveries/{delivery['deliveryId']}/replay")
    [delivery] = settled(api, postback)
    assert (delivery["status"], delivery["error"]) == ("dead", "the click or registration was deleted")
    assert len(receiver.at(f"/{mark}")) == 1


def test_nothing_of_a_postback_is_logged(teller: Serving, api: httpx.Client, receiver: Receiver, mark: str) -> None:
    partner = make_partner(api)
    make_link(api, mark, partner)
    postback = make_postback(api, partner, receiver.url(f"/{mark}?t=hidden-{mark}"), "click")
    click(api, mark)
    settled(api, postback)
    afterwards = uuid.uuid4().hex
    api.get("/health", headers={"X-Request-Id": afterwards})
    until(lambda: afterwards in teller.log.read_text(), "the log has what came afterwards")
    log = teller.log.read_text()
    assert mark not in log
    assert postback["secret"] not in log
    assert 'clicktrail_postbacks_total{outcome="delivered"}' in api.get("/metrics").text


DOCS = Path(__file__).parents[2] / "docs" / "postbacks.md"


def test_signatures_are_checked_as_documented(api: httpx.Client, receiver: Receiver, mark: str) -> None:
    recipe: dict[str, Any] = {}
    [code] = re.findall("```python\n(.*?)```", DOCS.read_text(), re.DOTALL)
    exec(code, recipe)
    is_signed = recipe["is_signed"]
    partner = make_partner(api)
    make_link(api, mark, partner)
    for method in ("GET", "POST"):
        uri = receiver.url(f"/{mark}/{method}") + "?cid={query.subid}&uri={uri}"
        postback = make_postback(api, partner, uri, "click", method=method)
        api.post(f"/postbacks/{postback['postbackId']}/test")
        secret, [received] = postback["secret"], receiver.wait(f"/{mark}/{method}", 1)
        payload = received.body.decode() or received.path
        assert is_signed(secret, received.headers, payload)
        assert not is_signed(secret, received.headers, payload + "x")
        assert not is_signed("whsec_" + base64.b64encode(bytes(32)).decode(), received.headers, payload)
        later = {**received.headers, "webhook-timestamp": str(int(received.headers["webhook-timestamp"]) - 301)}
        assert not is_signed(secret, later, payload)
        if method == "POST":
            assert Webhook(secret).verify(received.body, received.headers)["type"] == "test"
            with pytest.raises(WebhookVerificationError):
                Webhook(secret).verify(received.body + b" ", received.headers)
