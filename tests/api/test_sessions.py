"""What ends a session, and second factors."""

from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit

import pyotp

from tests.people import PASSWORD, WRONG, House, Person, add_second_factor, code, make_person

DELETED = "__Host-clicktrail=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax; Secure"


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
        assert person.post("/session/second-factor/confirmation", {"code": code(app)}).status_code == 204
        assert person.get("/session").json()["hasSecondFactor"] is True
        other = person.elsewhere()
        asked = other.sign_in()
        assert (asked.status_code, asked.json()["type"]) == (401, "urn:clicktrail:problem:code-required")
        assert other.sign_in(password=WRONG).json()["type"] == "urn:clicktrail:problem:unauthenticated"
        fresh = code(app, 1)
        assert other.sign_in(code="12345x").status_code == 401
        assert other.sign_in(code=f"{fresh[:3]} {fresh[3:]}").status_code == 201
        assert person.ask("DELETE", "/session/second-factor").status_code == 204
        assert person.elsewhere().sign_in().status_code == 201

    def test_take_each_code_once(self, house: House, person: Person) -> None:
        app, used = add_second_factor(person)
        assert person.elsewhere().sign_in(code=used).status_code == 401  # it has confirmed the secret
        fresh = code(app, 1)
        with ThreadPoolExecutor(4) as pool:
            answers = pool.map(lambda _: person.elsewhere().sign_in(code=fresh).status_code, range(4))
        assert sorted(answers) == [201, 401, 401, 401]
        assert person.elsewhere().sign_in(code=used).status_code == 401  # the step is over, although the time is not
        assert house.api.get(f"/users/{person.user_id}").json()["hasSecondFactor"] is True

    def test_cannot_be_guessed(self, person: Person) -> None:
        app, _ = add_second_factor(person)
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
