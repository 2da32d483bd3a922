"""Users sign in: invitations, cookies, requests of other sites, wrong passwords, second factors, ends of sessions.

All of it over HTTP, on both engines, with a server that learns each browser's address from a proxy.
"""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import httpx
import pyotp
import pytest

from tests.conftest import NewStore
from tests.people import PASSWORD, Person, add_second_factor, code, invite, make_person, new_address, serving_people
from tests.serving import Serving

WRONG = "a wrong password"
COOKIE = re.compile(
    r"__Host-clicktrail=[\w-]{43}; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax; Secure", re.ASCII
).fullmatch
DELETED = "__Host-clicktrail=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax; Secure"


class House(NamedTuple):
    server: Serving
    api: httpx.Client
    """With the token of an admin."""


@pytest.fixture(scope="module")
def house(engine_kind: str, new_store: NewStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("people")
    with serving_people(folder / "data", **new_store(engine_kind)) as server, server.client() as api:
        yield House(server, api)
        text = server.log.read_text()
        for secret in (PASSWORD, WRONG, "__Host-clicktrail="):
            assert secret not in text


@pytest.fixture
def person(house: House, mark: str) -> Person:
    """An admin who is signed in."""
    return make_person(house.server, house.api, mark)


class TestTheFirstUser:
    @pytest.fixture
    def fresh(self, engine_kind: str, new_store: NewStore, tmp_path: Any) -> Iterator[Serving]:
        with serving_people(tmp_path / "data", **new_store(engine_kind)) as server:
            yield server

    def token(self, server: Serving) -> str:
        [line] = re.findall(r"^Set up the first user: (\S+)$", server.log.read_text(), re.MULTILINE)
        assert line.startswith(f"{server.url}/welcome#")
        token: str = line.partition("#")[2]
        assert len(token) == 43
        return token

    def test_is_an_admin_and_comes_by_the_link_that_serve_prints(self, fresh: Serving) -> None:
        token, mary = self.token(fresh), Person(fresh, "Mary")
        assert mary.get("/session").status_code == 401
        body = {"token": token, "password": PASSWORD}
        nameless = mary.post("/welcome", body)
        assert (nameless.status_code, nameless.json()["errors"][0]["pointer"]) == (422, "/name")
        short = mary.post("/welcome", {**body, "name": "Mary", "password": "elevenchars"})
        assert (short.status_code, short.json()["errors"][0]["pointer"]) == (422, "/password")
        made = mary.post("/welcome", {**body, "name": " Mary "})
        assert made.status_code == 201, made.text
        assert (made.json()["name"], made.json()["scope"]) == ("Mary", "admin")
        assert mary.get("/session").json() == made.json()
        assert [each["name"] for each in mary.get("/users").json()] == ["Mary"]
        again = Person(fresh, "Eve")
        assert again.post("/welcome", {**body, "name": "Eve"}).status_code == 401
        assert again.cookie == ""
        assert token not in "".join(map(str, fresh.log_lines()))

    def test_may_not_be_the_last_admin_to_go(self, fresh: Serving) -> None:
        mary = Person(fresh, "Mary")
        assert mary.post("/welcome", {"token": self.token(fresh), "name": "Mary", "password": PASSWORD}).is_success
        path = f"/users/{mary.get('/session').json()['userId']}"
        for change in ({"enabled": False}, {"scope": "read"}):
            assert mary.ask("PATCH", path, json=change).status_code == 409
        assert mary.ask("DELETE", path).status_code == 409
        with fresh.client() as api:
            other = make_person(fresh, api, "Ann")
        assert mary.ask("PATCH", path, json={"scope": "read"}).status_code == 200
        assert mary.get("/session").json()["scope"] == "read"
        assert mary.get("/users").status_code == 403
        assert other.ask("DELETE", f"/users/{other.user_id}").status_code == 409
        assert other.ask("DELETE", path).status_code == 204
        assert mary.get("/session").status_code == 401

    def test_is_offered_until_there_is_one(self, fresh: Serving) -> None:
        with fresh.client() as api:
            api.post("/users", json={"name": "Ann", "scope": "read"})
        late = {"token": self.token(fresh), "name": "Eve", "password": PASSWORD}
        assert Person(fresh).post("/welcome", late).status_code == 401


class TestInvitations:
    def test_work_once(self, house: House, mark: str) -> None:
        user_id, token = invite(house.api, mark)
        assert house.api.get(f"/users/{user_id}").json()["hasPassword"] is False
        before = Person(house.server, mark)
        assert before.sign_in().status_code == 401
        named = before.post("/welcome", {"token": token, "password": PASSWORD, "name": "other"})
        assert named.status_code == 422
        body = {"token": token, "password": PASSWORD}
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda _: Person(house.server).post("/welcome", body).status_code, range(4)))
        assert sorted(answers) == [201, 401, 401, 401]
        assert house.api.get(f"/users/{user_id}").json()["hasPassword"] is True
        assert before.sign_in().status_code == 201

    def test_a_new_one_ends_the_one_before(self, house: House, mark: str) -> None:
        user_id, first = invite(house.api, mark)
        second = house.api.post(f"/users/{user_id}/invitation").json()["url"].partition("#")[2]
        for token, status in ((first, 401), (second, 201)):
            assert Person(house.server).post("/welcome", {"token": token, "password": PASSWORD}).status_code == status

    def test_are_for_users_without_a_password(self, house: House, person: Person) -> None:
        assert house.api.post(f"/users/{person.user_id}/invitation").status_code == 409
        link = house.api.post(f"/users/{person.user_id}/reset")
        assert link.status_code == 200
        assert person.get("/session").status_code == 401
        assert person.elsewhere().sign_in().status_code == 401
        token = link.json()["url"].partition("#")[2]
        assert link.json()["url"] == f"{house.server.url}/welcome#{token}"
        assert link.headers["Cache-Control"] == "no-store"
        assert person.post("/welcome", {"token": token, "password": "another long password"}).status_code == 201
        assert person.elsewhere().sign_in().status_code == 401
        assert person.elsewhere().sign_in(password="another long password").status_code == 201

    @pytest.mark.parametrize("change", ["disabled", "deleted"])
    def test_end_with_the_user(self, house: House, mark: str, change: str) -> None:
        user_id, token = invite(house.api, mark)
        if change == "deleted":
            assert house.api.delete(f"/users/{user_id}").status_code == 204
        else:
            assert house.api.patch(f"/users/{user_id}", json={"enabled": False}).status_code == 200
            assert house.api.post(f"/users/{user_id}/invitation").status_code == 409
        assert Person(house.server).post("/welcome", {"token": token, "password": PASSWORD}).status_code == 401

    @pytest.mark.parametrize("token", ["", "x", "é", "a" * 43, "a" * 65])
    def test_a_wrong_link_leads_nowhere(self, house: House, token: str) -> None:
        answer = Person(house.server).post("/welcome", {"token": token, "name": "Eve", "password": PASSWORD})
        assert answer.status_code in (401, 422)
        assert "set-cookie" not in answer.headers

    def test_guessing_links_locks_the_address_out(self, house: House) -> None:
        eve = Person(house.server)
        answers = [eve.post("/welcome", {"token": "a" * 43, "password": PASSWORD}) for _ in range(12)]
        assert [each.status_code for each in answers] == [401] * 10 + [429] * 2


class TestUsers:
    def test_have_names_of_their_own(self, house: House, mark: str) -> None:
        assert house.api.post("/users", json={"name": mark, "scope": "read"}).status_code == 201
        for name in (mark, mark.upper(), f" {mark} "):
            taken = house.api.post("/users", json={"name": name, "scope": "read"})
            assert (taken.status_code, taken.json()["errors"][0]["pointer"]) == (409, "/name")
        other = house.api.post("/users", json={"name": f"{mark}-2", "scope": "read"}).json()
        path = f"/users/{other['userId']}"
        assert house.api.patch(path, json={"name": mark}).status_code == 409
        assert house.api.patch(path, json={"name": f"{mark}-2".upper()}).json()["name"] == f"{mark}-2".upper()
        assert [each["userId"] for each in house.api.get(f"/users?filter[name]={mark}-2").json()] == [other["userId"]]

    @pytest.mark.parametrize(
        ("body", "pointer"),
        [
            ({"name": "", "scope": "read"}, "/name"),
            ({"name": "  ", "scope": "read"}, "/name"),
            ({"scope": "read"}, "/name"),
            ({"name": "x"}, "/scope"),
            ({"name": "x", "scope": "write"}, "/scope"),
            ({"name": "x", "scope": "postback"}, "/scope"),
            ({"name": "x", "scope": "partner"}, "/partnerId"),
            ({"name": "x", "scope": "partner", "partnerId": "0" * 24}, "/partnerId"),
            ({"name": "x", "scope": "read", "partnerId": "0" * 24}, "/partnerId"),
            ({"name": "x", "scope": "read", "password": "x" * 12}, "/password"),
        ],
    )
    def test_are_checked(self, house: House, body: dict[str, Any], pointer: str) -> None:
        answer = house.api.post("/users", json=body)
        assert answer.status_code == 422, answer.text
        assert pointer in [each["pointer"] for each in answer.json()["errors"]]

    def test_of_a_partner_go_with_the_partner(self, house: House, mark: str) -> None:
        partner = house.api.post("/profiles", json={"firstName": mark}).json()["profileId"]
        ada = make_person(house.server, house.api, mark, "partner", partner)
        assert ada.get("/links").status_code == 200
        assert house.api.delete(f"/profiles/{partner}").status_code == 204
        assert ada.get("/links").status_code == 401
        shown = house.api.get(f"/users/{ada.user_id}").json()
        assert (shown["enabled"], shown["partnerId"]) == (False, partner)
        assert house.api.patch(f"/users/{ada.user_id}", json={"enabled": True}).status_code == 422
        assert ada.elsewhere().sign_in().status_code == 401

    def test_of_a_partner_see_that_partners_data_alone(self, house: House, mark: str) -> None:
        found = {}
        for word in ("own", "other"):
            partner = house.api.post("/profiles", json={"firstName": mark}).json()["profileId"]
            link = house.api.post("/links", json={"profileId": partner, "code": f"{mark}{word}"}).json()["linkId"]
            uri = f"https://x.example/?referral={mark}{word}"
            click = house.api.post("/clicks", json={"ip": "8.8.8.8", "uri": uri}).json()["clickId"]
            contacts = [{"key": "email", "value": f"{mark}{word}@email.com"}]
            house.api.patch(f"/clicks/{click}", json={"firstName": "C", "contacts": contacts})
            found[word] = (partner, link, click)
        partner, link, click = found["own"]
        ada = make_person(house.server, house.api, mark, "partner", partner)
        with house.server.client("partner", partner) as token:
            for path in ("/clicks?query[profile]=1&query[contacts]=1", "/links", "/profiles", f"/clicks/{click}"):
                assert (ada.get(path).status_code, ada.get(path).json()) == (200, token.get(path).json())
        assert [each["linkId"] for each in ada.get("/links").json()] == [link]
        assert "***" in ada.get("/profiles").text
        assert "@email.com" not in ada.get("/profiles").text
        for path in (f"/links/{found['other'][1]}", f"/clicks/{found['other'][2]}"):
            assert ada.get(path).status_code == 404
        for path in ("/users", "/clients", "/metrics", f"/users/{ada.user_id}", f"/users/{ada.user_id}/sessions"):
            assert ada.get(path).status_code == 403
        assert ada.post("/links", {}).status_code == 403


class TestCookies:
    def test_are_hidden_from_scripts_and_from_other_hosts(self, house: House, person: Person) -> None:
        answer = person.elsewhere().sign_in()
        assert answer.status_code == 201
        assert COOKIE(answer.headers["set-cookie"])
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.json()["name"] == person.name
        assert "access-control-allow-origin" not in answer.headers
        assert person.get("/links").headers["Cache-Control"] == "no-store"
        assert "Cache-Control" not in house.api.get("/links").headers

    def test_of_http_on_this_machine_have_the_plain_name(self, house: House, person: Person) -> None:
        body = {"name": person.name, "password": PASSWORD}
        for host, name, is_secure in (
            ("127.0.0.1:8000", "clicktrail", False),
            ("localhost", "clicktrail", False),
            ("[::1]:8000", "clicktrail", False),
            ("clicks.example.org", "__Host-clicktrail", True),
            ("127.0.0.1.example.org", "__Host-clicktrail", True),
            ("10.0.0.1", "__Host-clicktrail", True),
        ):
            answer = httpx.post(f"{house.server.url}/session", json=body, headers={"Host": host})
            cookie = answer.headers["set-cookie"]
            assert (cookie.partition("=")[0], "Secure" in cookie) == (name, is_secure), host
            # The plain name, which another host of the domain can set, is worth nothing outside of this machine.
            secret = cookie.partition(";")[0].partition("=")[2]
            asked = {"Host": host, "Cookie": f"clicktrail={secret}"}
            status = httpx.get(f"{house.server.url}/session", headers=asked).status_code
            assert status == (401 if is_secure else 200)

    def test_get_a_new_secret_at_each_sign_in(self, house: House, person: Person) -> None:
        """Nobody can prepare a session, and lead a user into it."""
        planted = "__Host-clicktrail=" + "a" * 43
        victim = person.elsewhere()
        victim.cookie = planted
        assert victim.get("/session").status_code == 401
        assert victim.sign_in().status_code == 201
        first = victim.cookie
        assert first != planted
        assert victim.sign_in().status_code == 201
        assert victim.cookie != first
        eve = Person(house.server, cookie=planted)
        assert eve.get("/session").status_code == 401

    @pytest.mark.parametrize("value", ["", "a", "a" * 43, "é" * 43, "a" * 100_000, '"', "a=b", "../../x"])
    def test_that_are_made_up_open_nothing(self, house: House, value: str) -> None:
        headers = [(b"Cookie", b"__Host-clicktrail=" + value.encode()), (b"X-Forwarded-For", b"203.0.113.9")]
        answer = httpx.get(f"{house.server.url}/session", headers=headers)
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Cookie")

    def test_two_of_them_open_nothing(self, house: House, person: Person) -> None:
        other = make_person(house.server, house.api, f"{person.name}-2")
        for cookies in (f"{person.cookie}; {other.cookie}", f"{other.cookie}; {person.cookie}"):
            assert Person(house.server, cookie=cookies).get("/session").status_code == 401
        assert Person(house.server, cookie=f"a=b; {person.cookie}; c").get("/session").status_code == 200

    def test_give_way_to_a_token(self, house: House, person: Person) -> None:
        reader = f"Bearer {house.server.token('read')}"
        assert person.get("/users", Authorization=reader).status_code == 403
        assert person.get("/clicks", Authorization="Bearer nonsense").status_code == 401
        assert person.get("/session", Authorization=f"Bearer {house.server.token()}").status_code == 403
        # A request with a token is no matter of cookies: it needs no header of a browser.
        plain = {
            "Authorization": f"Bearer {house.server.token()}",
            "Cookie": person.cookie,
            "Origin": "https://evil.example",
        }
        assert httpx.post(f"{house.server.url}/links", headers=plain, json={}).status_code == 201


class TestRequestsOfOtherSites:
    @pytest.mark.parametrize(
        ("headers", "status"),
        [
            ({"Sec-Fetch-Site": "same-origin"}, 201),
            ({"Sec-Fetch-Site": "none"}, 201),
            ({"Sec-Fetch-Site": "same-site"}, 403),
            ({"Sec-Fetch-Site": "cross-site"}, 403),
            ({"Sec-Fetch-Site": "cross-site", "Origin": "{own}"}, 403),
            ({"Sec-Fetch-Site": "same-origin, cross-site"}, 403),
            ({"Sec-Fetch-Site": ""}, 403),
            ({"Origin": "{own}"}, 201),
            ({"Origin": "null"}, 403),
            ({"Origin": ""}, 403),
            ({"Origin": "https://evil.example"}, 403),
            ({"Origin": "{own}.evil.example"}, 403),
            ({"Origin": "{own}1"}, 403),
            ({"Origin": "{own}@evil.example"}, 403),
            ({"Origin": "http://[", "Host": "["}, 400),
            ({"Referer": "{own}/dashboard"}, 403),
            ({}, 403),
        ],
    )
    def test_change_nothing(self, house: House, person: Person, headers: dict[str, str], status: int) -> None:
        own = house.server.url
        sent = {name: value.replace("{own}", own) for name, value in headers.items()}
        sent |= {"Cookie": person.cookie, "X-Forwarded-For": person.address}
        answer = httpx.post(f"{own}/links", headers=sent, json={})
        assert answer.status_code == status, answer.text
        if status == 403:
            assert any(word in answer.json()["detail"] for word in ("Sec-Fetch-Site", "Origin"))
        assert httpx.get(f"{own}/links", headers=sent | {"Host": urlsplit(own).netloc}).status_code == 200

    @pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data", ""])
    def test_send_no_json(self, person: Person, kind: str) -> None:
        """What a form of another site can send without asking is refused even if the other checks failed."""
        headers = {"Content-Type": kind} if kind else {}
        assert person.ask("POST", "/links", headers, content=b"{}").status_code == 415
        sign_in = b'{"name": "%s", "password": "%s"}' % (person.name.encode(), PASSWORD.encode())
        assert person.elsewhere().ask("POST", "/session", headers, content=sign_in).status_code == 415
        assert person.ask("POST", "/links", {"Content-Type": "application/json"}, content=b"{}").status_code == 201

    def test_sign_nobody_in(self, house: House, person: Person, mark: str) -> None:
        """Otherwise a page could sign its visitors in as the page's owner, and see what they type."""
        _, token = invite(house.api, f"{mark}-2")
        body = {"name": person.name, "password": PASSWORD}
        for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
            sent = {**headers, "X-Forwarded-For": new_address()}
            for path, content in (("/session", body), ("/welcome", {"token": token, "password": PASSWORD})):
                answer = httpx.post(house.server.url + path, json=content, headers=sent)
                assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)
        assert Person(house.server).post("/welcome", {"token": token, "password": PASSWORD}).status_code == 201

    def test_compare_with_the_address_that_browsers_see(self, tmp_path: Any) -> None:
        settings = {"public_url": "https://clicks.example.org:443", "base_path": "/ct"}
        with serving_people(tmp_path / "data", **settings) as server:
            token = re.findall(r"user: https://clicks\.example\.org:443/ct/welcome#(\S+)", server.log.read_text())[0]
            body = {"token": token, "name": "Mary", "password": PASSWORD}
            mary = Person(server)
            own = {"Origin": "https://clicks.example.org"}
            made = mary.ask("POST", "/welcome", json=body)
            assert made.status_code == 201
            assert COOKIE(made.headers["set-cookie"])
            for origin, status in ((own["Origin"], 201), (server.url, 403), ("http://clicks.example.org", 403)):
                sent = {"Cookie": mary.cookie, "Origin": origin}
                assert httpx.post(f"{server.url}/ct/links", headers=sent, json={}).status_code == status


class TestWrongPasswords:
    def test_are_answered_alike_whether_the_name_exists_or_not(self, house: House, person: Person, mark: str) -> None:
        _, _ = invite(house.api, f"{mark}-new")
        disabled = make_person(house.server, house.api, f"{mark}-off")
        house.api.patch(f"/users/{disabled.user_id}", json={"enabled": False})
        answers = [
            Person(house.server, name, password).sign_in()
            for name, password in (
                (person.name, WRONG),
                (f"{mark}-nobody", WRONG),
                (f"{mark}-new", WRONG),
                (disabled.name, PASSWORD),
            )
        ]
        assert {each.status_code for each in answers} == {401}
        assert len({each.text for each in answers}) == 1
        assert person.elsewhere().sign_in(name=f" {person.name.upper()} ").status_code == 201

    def test_a_thousand_of_them_are_stopped_after_ten(self, house: House, person: Person, mark: str) -> None:
        eve = Person(house.server, person.name, WRONG)
        with ThreadPoolExecutor(16) as pool:
            statuses = list(pool.map(lambda _: eve.sign_in().status_code, range(1000)))
        assert statuses.count(401) == 10
        assert set(statuses) <= {401, 429, 503}
        eve.password = PASSWORD
        refused = eve.sign_in()
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "300")
        # Neither does another address help, nor another spelling; others sign in as before.
        for name in (person.name, person.name.upper()):
            assert Person(house.server, name).sign_in().status_code == 429
        assert make_person(house.server, house.api, f"{mark}-2").elsewhere().sign_in().status_code == 201
        assert person.get("/session").status_code == 200

    def test_from_many_addresses_lock_the_name_whether_it_exists_or_not(
        self, house: House, person: Person, mark: str
    ) -> None:
        for name in (person.name, f"{mark}-nobody"):
            statuses = [Person(house.server, name, WRONG).sign_in().status_code for _ in range(12)]
            assert statuses == [401] * 10 + [429] * 2

    def test_are_logged_without_what_was_typed(self, house: House, person: Person) -> None:
        eve = Person(house.server, "hunter2 is my password", WRONG)
        assert eve.sign_in().status_code == 401
        assert Person(house.server, person.name, WRONG, address=eve.address).sign_in().status_code == 401
        lines = [each for each in house.server.log_lines() if each.get("address") == eve.address]
        assert [(each["event"], each["user"]) for each in lines] == [
            ("sign-in failed", None),
            ("sign-in failed", person.user_id),
        ]
        assert "hunter2" not in house.server.log.read_text()


class TestWhatEndsASession:
    def test_signing_out(self, person: Person) -> None:
        other, kept = person.elsewhere(), person.cookie
        other.sign_in()
        out = person.ask("DELETE", "/session")
        assert (out.status_code, out.headers["set-cookie"]) == (204, DELETED)
        person.cookie = kept
        assert person.get("/session").status_code == 401
        assert other.get("/session").status_code == 200

    def test_disabling_the_user(self, house: House, person: Person) -> None:
        assert house.api.patch(f"/users/{person.user_id}", json={"enabled": False}).status_code == 200
        assert person.get("/links").status_code == 401
        assert house.api.patch(f"/users/{person.user_id}", json={"enabled": True}).status_code == 200
        assert person.get("/links").status_code == 401
        assert person.elsewhere().sign_in().status_code == 201

    def test_deleting_the_user(self, house: House, person: Person) -> None:
        assert house.api.delete(f"/users/{person.user_id}").status_code == 204
        assert person.get("/links").status_code == 401
        assert house.api.get(f"/users/{person.user_id}").status_code == 404

    def test_a_new_password(self, person: Person) -> None:
        other, before = person.elsewhere(), person.cookie
        other.sign_in()
        fresh = "another long password"
        assert person.post("/session/password", {"current": WRONG, "password": fresh}).status_code == 401
        assert person.post("/session/password", {"current": PASSWORD, "password": "short"}).status_code == 422
        assert person.post("/session/password", {"current": PASSWORD, "password": fresh}).status_code == 200
        assert person.cookie != before
        assert person.get("/session").status_code == 200
        assert other.get("/session").status_code == 401
        assert Person(person.server, cookie=before).get("/session").status_code == 401
        assert person.elsewhere().sign_in().status_code == 401
        assert person.elsewhere().sign_in(password=fresh).status_code == 201

    def test_its_owner_in_the_list(self, house: House, person: Person, mark: str) -> None:
        other, stranger = person.elsewhere(), make_person(house.server, house.api, f"{mark}-2")
        other.post("/session", {"name": person.name, "password": PASSWORD}, **{"User-Agent": "Other/1.0"})
        listed = person.get("/sessions").json()
        assert [(each["address"], each["isCurrent"]) for each in listed] == [
            (other.address, False),
            (person.address, True),
        ]
        assert listed[0]["userAgent"] == "Other/1.0"
        assert house.api.get(f"/users/{person.user_id}/sessions").json() == [
            {**each, "isCurrent": False} for each in listed
        ]
        for asked in (
            stranger.ask("DELETE", f"/sessions/{listed[0]['sessionId']}"),
            person.ask("DELETE", f"/sessions/{'0' * 24}"),
        ):
            assert asked.status_code == 404
        assert person.ask("DELETE", f"/sessions/{listed[0]['sessionId']}").status_code == 204
        assert other.get("/session").status_code == 401
        other.sign_in()
        gone = person.ask("DELETE", "/sessions")
        assert (gone.status_code, gone.headers["set-cookie"]) == (204, DELETED)
        assert [each.get("/session").status_code for each in (person, other, stranger)] == [401, 401, 200]

    def test_an_admin(self, house: House, person: Person) -> None:
        assert house.api.delete(f"/users/{person.user_id}/sessions").status_code == 204
        assert person.get("/session").status_code == 401
        assert person.elsewhere().sign_in().status_code == 201

    def test_many_later_ones(self, house: House, person: Person) -> None:
        """A program that signs in again and again fills no table."""
        for _ in range(50):
            assert person.elsewhere().sign_in().status_code == 201
        assert len(house.api.get(f"/users/{person.user_id}/sessions").json()) == 50
        assert person.get("/session").status_code == 401


class TestSecondFactors:
    def test_are_asked_for_after_the_password(self, person: Person) -> None:
        made = person.post("/session/second-factor")
        uri = urlsplit(made.json()["uri"])
        assert (uri.scheme, uri.netloc, parse_qs(uri.query)["secret"]) == ("otpauth", "totp", [made.json()["secret"]])
        app = pyotp.TOTP(made.json()["secret"])
        assert person.elsewhere().sign_in().status_code == 201  # nothing holds before it is confirmed
        wrong = person.post("/session/second-factor/confirmation", {"code": "000000" if code(app) != "000000" else "1"})
        assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/code")
        assert person.post("/session/second-factor/confirmation", {"code": code(app, -1)}).status_code == 204
        assert person.get("/session").json()["hasSecondFactor"] is True
        other = person.elsewhere()
        asked = other.sign_in()
        assert (asked.status_code, asked.json()["type"]) == (401, "urn:clicktrail:problem:code-required")
        assert other.sign_in(password=WRONG).json()["type"] == "urn:clicktrail:problem:unauthenticated"
        assert other.sign_in(code="12345x").status_code == 401
        assert other.sign_in(code=f"{code(app)[:3]} {code(app)[3:]}").status_code == 201
        assert person.ask("DELETE", "/session/second-factor").status_code == 204
        assert person.elsewhere().sign_in().status_code == 201

    def test_take_each_code_once(self, house: House, person: Person) -> None:
        app = add_second_factor(person)
        used = code(app, -1)
        assert person.elsewhere().sign_in(code=used).status_code == 401  # it has confirmed the secret
        fresh = code(app, 1)
        with ThreadPoolExecutor(4) as pool:
            answers = pool.map(lambda _: person.elsewhere().sign_in(code=fresh).status_code, range(4))
        assert sorted(answers) == [201, 401, 401, 401]
        assert person.elsewhere().sign_in(code=code(app)).status_code == 401  # an earlier step than the last one
        assert house.api.get(f"/users/{person.user_id}").json()["hasSecondFactor"] is True

    def test_cannot_be_guessed(self, person: Person) -> None:
        app = add_second_factor(person)
        right = {code(app, step) for step in range(-2, 4)}
        guesses = [f"{number:06}" for number in range(12) if f"{number:06}" not in right]
        statuses = [person.elsewhere().sign_in(code=guess).status_code for guess in guesses]
        assert statuses[:11] == [401] * 10 + [429]
        assert person.elsewhere().sign_in(code=code(app, 1)).status_code == 429

    def test_go_with_a_reset(self, house: House, person: Person) -> None:
        add_second_factor(person)
        token = house.api.post(f"/users/{person.user_id}/reset").json()["url"].partition("#")[2]
        assert person.post("/welcome", {"token": token, "password": PASSWORD}).json()["hasSecondFactor"] is False
        assert person.elsewhere().sign_in().status_code == 201

    def test_are_confirmed_by_their_newest_secret(self, person: Person) -> None:
        nothing = person.post("/session/second-factor/confirmation", {"code": "123456"})
        assert nothing.status_code == 409
        first = pyotp.TOTP(person.post("/session/second-factor").json()["secret"])
        person.post("/session/second-factor")
        assert person.post("/session/second-factor/confirmation", {"code": code(first)}).status_code == 422
