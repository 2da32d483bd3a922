"""Cookies, requests that other sites cause, and wrong passwords."""

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.people import PASSWORD, WRONG, House, Person, invite, make_person, new_address, serving_people

COOKIE = re.compile(
    r"__Host-clicktrail=[\w-]{43}; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax; Secure", re.ASCII
).fullmatch


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
        assert refused.status_code == 429
        assert 240 < int(refused.headers["Retry-After"]) <= 300
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

    def test_in_any_spelling_of_a_name_are_counted_alike(self, house: House, person: Person, mark: str) -> None:
        """Else the lock would show whether a name exists: İ has other small letters in other programs."""
        made = make_person(house.server, house.api, f"{mark}-i")
        for name in (made.name, f"{mark}-nobody-i"):
            odd = name.replace("i", "\u0130")
            statuses = [Person(house.server, odd, WRONG).sign_in().status_code for _ in range(10)]
            assert set(statuses) == {401}
            locked = Person(house.server, odd, WRONG).sign_in().status_code
            assert locked == 429
        assert person.get("/session").status_code == 200

    def test_of_strangers_lock_no_running_session(self, house: House, person: Person) -> None:
        for name in (person.name, person.user_id):
            for _ in range(10):
                Person(house.server, name, WRONG).sign_in()
        assert person.elsewhere().sign_in().status_code == 429
        assert person.post("/session/confirmation", {"password": PASSWORD}).status_code == 200
        for _ in range(10):
            assert person.post("/session/confirmation", {"password": WRONG}).status_code == 401
            person.address = new_address()
        assert person.post("/session/confirmation", {"password": PASSWORD}).status_code == 429

    def test_a_name_that_is_an_id_locks_no_other_user(self, house: House, mark: str) -> None:
        made = make_person(house.server, house.api, f"{mark}-id")
        for _ in range(10):
            assert Person(house.server, made.user_id, WRONG).sign_in().status_code == 401
        assert made.elsewhere().sign_in().status_code == 201

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
