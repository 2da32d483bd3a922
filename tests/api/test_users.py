"""Users: the first one, invitations, names, scopes, partners."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.conftest import NewStore
from tests.people import PASSWORD, House, Person, invite, make_person, serving_people
from tests.serving import Serving


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
            invite(api, "Eve")  # who may never accept
            assert mary.ask("DELETE", path).status_code == 409
            other = make_person(fresh, api, "Ann")
        assert mary.ask("PATCH", path, json={"scope": "read"}).status_code == 200
        assert mary.get("/session").json()["scope"] == "read"
        assert mary.get("/users").status_code == 403
        assert other.ask("DELETE", f"/users/{other.user_id}").status_code == 409
        assert other.ask("DELETE", path).status_code == 204
        assert mary.get("/session").status_code == 401

    def test_is_offered_until_there_is_an_admin(self, fresh: Serving) -> None:
        late = {"token": self.token(fresh), "name": "Eve", "password": PASSWORD}
        with fresh.client() as api:
            invite(api, "Ann")
        assert Person(fresh).post("/welcome", late).status_code == 401
        assert 'data-first="no"' in Person(fresh).get("/welcome").text

    def test_is_offered_beside_users_who_are_no_admins(self, fresh: Serving) -> None:
        with fresh.client() as api:
            make_person(fresh, api, "Ann", "read")
            _, open_one = invite(api, "Bob", "read")
            api.post("/users", json={"name": "Cy", "scope": "admin"})  # nobody has a link of this admin
        first = self.token(fresh)
        assert fresh.stop() == 0
        with serving_people(fresh.data, **fresh.store) as server:
            [_, second] = re.findall(r"^Set up the first user: \S+#(\S+)$", server.log.read_text(), re.MULTILINE)
            assert 'data-first="yes"' in Person(server).get("/welcome").text
            assert Person(server).post("/welcome", {"token": open_one, "password": PASSWORD}).json()["scope"] == "read"
            taken = Person(server).post("/welcome", {"token": second, "name": "ANN", "password": PASSWORD})
            assert taken.status_code == 409
            mary = Person(server).post("/welcome", {"token": second, "name": "Mary", "password": PASSWORD})
            assert (mary.status_code, mary.json()["scope"]) == (201, "admin")
            late = Person(server).post("/welcome", {"token": first, "name": "Eve", "password": PASSWORD})
            assert late.status_code == 401


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

    def test_that_look_the_same_are_the_same(self, house: House, mark: str) -> None:
        composed, apart = f"{mark} m\u00e1ry", f"{mark} ma\u0301ry"
        assert house.api.post("/users", json={"name": composed, "scope": "read"}).status_code == 201
        assert house.api.post("/users", json={"name": apart, "scope": "read"}).status_code == 409
        for hidden in ("\u200b", "\u202e", "\u3164", "\n"):
            refused = house.api.post("/users", json={"name": f"{mark}{hidden}mary", "scope": "read"})
            assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/name")

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
