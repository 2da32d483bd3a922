"""The audit log over HTTP: what has an entry, whose it is, what it never holds, and the check by the command line."""

import asyncio
import base64
import os
import pwd
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from clicktrail.http.endpoint.trails import MOST_STRANGERS, Entries, Trail
from clicktrail.model.access import SYSTEM
from clicktrail.model.audit import AuditLine, verify
from clicktrail.store.migrations.shared import migrate
from clicktrail.store.privacy.audit import list_lines
from clicktrail.store.store import Store
from tests.clock import SetClock
from tests.conftest import AnyEngine
from tests.people import OWN_PAGE, PASSWORD, WRONG, House, Person, invite, make_person
from tests.serving import Serving, run


def entries(api: httpx.Client, query: str) -> list[dict[str, Any]]:
    """The newest first."""
    answer = api.get(f"/audit?limit=50&{query}")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


def actions(api: httpx.Client, object_id: str) -> list[str]:
    return [each["action"] for each in reversed(entries(api, f"filter[objectId]={object_id}"))]


def test_every_change_of_an_object_has_an_entry(api: httpx.Client, mark: str) -> None:
    made = api.post("/links", json={"code": mark}, headers={"X-Request-Id": mark}).json()
    api.patch(f"/links/{made['linkId']}", json={"name": "secret name"})
    api.patch(f"/links/{made['linkId']}", json={"uri": "no uri"})
    api.delete(f"/links/{made['linkId']}")
    assert actions(api, made["linkId"]) == ["createLink", "updateLink", "deleteLink"]
    [first] = entries(api, f"filter[requestId]={mark}")
    assert (first["actorKind"], first["status"], first["objectType"], first["address"]) == (
        *("token", 201, "link"),
        "127.0.0.1",
    )
    profile = api.post("/profiles", json={"firstName": "A", "uuid": mark}).json()["profileId"]
    assert api.post("/profiles", json={"firstName": "A", "uuid": mark}).status_code == 200
    assert actions(api, profile) == ["createProfile"]
    contact = api.post(f"/profiles/{profile}/contacts", json={"key": "email", "value": f"{mark}@email.com"}).json()
    assert actions(api, contact["contactId"]) == ["createContact"]


def test_who_accepts_an_invitation_is_named(api: httpx.Client, mark: str) -> None:
    user, token = invite(api, f"invited {mark}", "read")
    url, body = api.base_url.join("/welcome"), {"token": token, "password": PASSWORD}
    assert httpx.post(url, json=body, headers=OWN_PAGE).status_code == 201
    [found] = entries(api, f"filter[action]=acceptInvitation&filter[objectId]={user}")
    assert (found["actorKind"], found["actor"], found["objectType"]) == ("user", user, "user")


def test_an_object_has_one_kind_in_all_its_entries(api: httpx.Client) -> None:
    """Also where only the first answer shows its secret."""
    partner = api.post("/profiles", json={"firstName": "A"}).json()["profileId"]
    postback = {"profileId": partner, "uri": "https://tracker.example/{click_id}", "events": ["click"]}
    made = [
        ("postbacks", "postback", api.post("/postbacks", json=postback).json()["postbackId"]),
        ("clients", "client", api.post("/clients", json={"scope": "write"}).json()["clientId"]),
        (
            "sites",
            "site",
            api.post("/sites", json={"name": "blog", "origins": ["https://blog.example"]}).json()["siteId"],
        ),
    ]
    for path, kind, object_id in made:
        assert api.delete(f"/{path}/{object_id}").status_code == 204
        assert [each["objectType"] for each in entries(api, f"filter[objectId]={object_id}")] == [kind, kind]


def test_an_entry_says_what_was_changed(api: httpx.Client, mark: str) -> None:
    """Names of fields; before and after only for what a link does."""
    owner = api.post("/profiles", json={"firstName": f"secret{mark}"}).json()["profileId"]
    link = api.post("/links", json={"code": mark, "uri": "https://a.example/"}).json()["linkId"]
    long = f"https://b.example/{'b' * 6000}"
    for change in ({"uri": long, "name": f"secret{mark}"}, {"enabled": False, "profileId": owner}, {"uri": long}):
        assert api.patch(f"/links/{link}", json=change).status_code == 200
    api.patch(f"/links/{link}", json={f"secret{mark}": "x", "code": mark}, headers={"Prefer": "handling=lenient"})
    api.patch(f"/profiles/{owner}", json={"lastName": f"secret{mark}"})
    made, moved, stopped, same, lenient = (
        each["detail"] for each in reversed(entries(api, f"filter[objectId]={link}"))
    )
    assert made == {"fields": ["code", "uri"]}
    assert moved == {"fields": ["name", "uri"], "uri": ["https://a.example/", long[:1000] + "…"]}
    assert stopped == {"fields": ["enabled", "profileId"], "enabled": [True, False], "profileId": [None, owner]}
    assert (same, lenient) == ({"fields": ["uri"]}, {"fields": ["code"]})
    assert entries(api, f"filter[objectId]={owner}&filter[action]=updateProfile")[0]["detail"] == {
        "fields": ["lastName"]
    }
    assert f"secret{mark}" not in api.get("/audit/export").text


def test_a_click_that_a_program_records_has_none(api: httpx.Client, server: Serving, mark: str) -> None:
    with server.client("write") as program:
        click = program.post("/clicks", json={"ip": "8.8.8.8", "uri": "https://a.example/", "uuid": mark}).json()
        program.patch(f"/clicks/{click['clickId']}", json={"firstName": "A"})
        program.post("/registrations", json={"clickId": click["clickId"], "profile": {"firstName": "A"}})
    assert actions(api, click["clickId"]) == []
    api.delete(f"/clicks/{click['clickId']}")
    assert actions(api, click["clickId"]) == ["deleteClick"]


def test_who_reads_contacts_is_known_and_not_what_was_read(api: httpx.Client, mark: str) -> None:
    body = {"firstName": "A", "contacts": [{"key": "email", "value": f"{mark}@email.com"}]}
    profile = api.post("/profiles", json=body).json()["profileId"]
    for number, path in enumerate(
        (
            f"/profiles/{profile}",
            f"/profiles?filter[contacts]={mark}",
            f"/profiles/{profile}/contacts",
            f"/clicks?query[contacts]=1&filter[uri]={mark}",
            f"/clicks?filter[profileContacts]={mark}@email.com",
            f"/clicks/export?format=csv&columns=clickId,profile&filter[uri]={mark}",
        )
    ):
        name = f"{mark}.{number}"
        assert api.get(path, headers={"X-Request-Id": name}).status_code == 200, path
        [found] = entries(api, f"filter[requestId]={name}")
        assert mark not in str({**found, "requestId": ""}), path
    [listed] = entries(api, f"filter[requestId]={mark}.1")
    assert listed["detail"] == {"count": 1, "filters": ["contacts"]}
    for path in (f"/clicks?filter[uri]={mark}", "/links?limit=1"):
        assert api.get(path, headers={"X-Request-Id": f"{mark}.plain"}).status_code == 200
    assert entries(api, f"filter[requestId]={mark}.plain") == []


def test_sign_ins_good_and_bad(house: House, mark: str) -> None:
    person = make_person(house.server, house.api, mark)
    assert person.post("/session", {"name": mark, "password": WRONG}).status_code == 401
    assert Person(house.server, "nobody of this name").sign_in().status_code == 401
    assert person.sign_in().status_code == 201
    good, bad = (entries(house.api, f"filter[action]=signIn&filter[status]={status}")[0] for status in (201, 401))
    assert (good["actorKind"], good["actor"], good["address"]) == ("user", person.user_id, person.address)
    assert (bad["actorKind"], bad["actor"], bad["detail"]) == ("unknown", None, {"refused": "unauthenticated"})
    known = [each["detail"].get("user") for each in entries(house.api, "filter[action]=signIn&filter[status]=401")]
    assert person.user_id in known
    person.post("/profiles", {"firstName": "A"})
    assert entries(house.api, f"filter[actor]={person.user_id}")[0]["action"] == "createProfile"


def test_oauth_clients_and_their_tokens(api: httpx.Client, server: Serving, mark: str) -> None:
    made = api.post("/clients", json={"scope": "admin", "name": mark}).json()
    basic = base64.b64encode(f"{made['clientId']}:{made['clientSecret']}".encode()).decode()
    asked = httpx.post(f"{server.url}/tokens", headers={"Authorization": f"Basic {basic}"}, data={
        "grant_type": "client_credentials"
    })  # fmt: skip
    header = {"Authorization": f"Bearer {asked.json()['access_token']}"}
    link = httpx.post(f"{server.url}/links", json={"code": mark}, headers=header).json()["linkId"]
    api.delete(f"/clients/{made['clientId']}")
    assert actions(api, made["clientId"]) == ["createClient", "revokeClient"]
    found = entries(api, f"filter[actor]={made['clientId']}")
    assert [(each["action"], each["actorKind"]) for each in found] == [
        ("createLink", "client"),
        ("createToken", "client"),
    ]
    assert (found[0]["objectId"], found[1]["objectType"]) == (link, "token")
    wrong = base64.b64encode(f"{made['clientId']}:{made['clientSecret']}".encode()).decode()
    httpx.post(f"{server.url}/tokens", headers={"Authorization": f"Basic {wrong}"}, json={})
    assert entries(api, "filter[action]=createToken")[0]["status"] == 401
    text = api.get("/audit/export").text
    assert made["clientSecret"] not in text
    assert asked.json()["access_token"] not in text


def test_the_export_is_one_sound_chain_without_secrets(house: House, tmp_path: Path) -> None:
    answer = house.api.get("/audit/export")
    lines = [msgspec.json.decode(line, type=AuditLine) for line in answer.content.splitlines()]
    assert verify(lines).reason is None
    assert lines[-1].action == "exportAudit"
    assert lines[0].action == "settings"
    for secret in (PASSWORD, WRONG, "@email.com", "eyJ"):
        assert secret not in answer.text
    partial = house.api.get("/audit/export?filter[action]=signIn")
    assert all(msgspec.json.decode(line, type=AuditLine).action == "signIn" for line in partial.content.splitlines())
    (tmp_path / "audit.ndjson").write_bytes(answer.content)
    done = run("audit", "verify", str(tmp_path / "audit.ndjson"))
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, lines[-1].hash)
    text = answer.text.replace('"action":"exportAudit"', '"action":"updateLink"')
    (tmp_path / "audit.ndjson").write_text(text)
    broken = run("audit", "verify", str(tmp_path / "audit.ndjson"))
    assert broken.returncode == 1
    assert f"broken at entry {lines[-1].position}" in broken.stderr
    (tmp_path / "audit.ndjson").write_bytes(b"")
    empty = run("audit", "verify", str(tmp_path / "audit.ndjson"))
    assert (empty.returncode, empty.stdout, "The file is empty." in empty.stderr) == (1, "", True)


def test_commands_are_their_users(server: Serving, api: httpx.Client, mark: str, tmp_path: Path) -> None:
    user = pwd.getpwuid(os.getuid()).pw_name
    said = run("token", "create", "--data", str(server.data), "--scope", "read", **server.store).stderr
    token_id = said.partition("Token ")[2][:16]
    [made] = entries(api, f"filter[objectId]={token_id}")
    assert (made["actorKind"], made["actor"], made["action"]) == ("command", user, "token create")
    run("user", "invite", mark, "--data", str(server.data), **server.store)
    assert entries(api, f"filter[actor]={user}")[0]["actorKind"] == "command"
    done = run("audit", "verify", "--data", str(server.data), **server.store)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("The audit log is sound: ")
    noted = done.stdout.splitlines()[-1]
    again = run("audit", "verify", "--last", noted, "--data", str(server.data), **server.store)
    assert again.returncode == 0, again.stderr  # the check may be an entry itself
    missing = run("audit", "verify", "--last", "0" * 64, "--data", str(server.data), **server.store)
    assert missing.returncode == 1
    file = tmp_path / "log.ndjson"
    assert run("audit", "export", str(file), "--data", str(server.data), **server.store).returncode == 0
    assert run("audit", "verify", str(file), "--last", noted).returncode == 0


@pytest.mark.parametrize("scope", ["read", "write", "partner"])
def test_only_an_admin_reads_it(server: Serving, scope: str) -> None:
    with server.client(scope, "a" * 24 if scope == "partner" else None) as other:
        assert other.get("/audit").status_code == 403
        assert other.get("/audit/export").status_code == 403


def test_strangers_cannot_fill_the_log(embedded: AnyEngine) -> None:
    """Their requests beyond a number in a minute are counted, and the next entry says how many there were."""
    embedded.migrate(migrate)
    clock = SetClock()
    writing = Entries(Store(embedded), clock)
    stranger = Trail(action="signIn", viewer=SYSTEM)

    async def fail(times: int) -> None:
        await asyncio.gather(*(writing.write(stranger, 401) for _ in range(times)))

    asyncio.run(fail(MOST_STRANGERS + 5))
    clock.ahead_s += 61
    asyncio.run(fail(1))
    lines = embedded.run(lambda session: list(list_lines(session)))
    assert len(lines) == MOST_STRANGERS + 1
    assert (lines[-1].detail, lines[-2].detail) == ({"unwritten": 5}, {})
    asyncio.run(fail(MOST_STRANGERS + 7))
    for _ in range(2):  # each minute; there is nothing to say the second time
        asyncio.run(writing.sum_up())
    lines = embedded.run(lambda session: list(list_lines(session)))
    assert len(lines) == 2 * MOST_STRANGERS + 1
    assert (lines[-1].action, lines[-1].detail) == ("refusals", {"unwritten": 8})
    assert verify(lines).reason is None


@pytest.mark.parametrize(
    ("line", "is_whole"),
    [
        (b"", True),
        (b'"actor":"mallory",', False),
        (b" ", False),
        (b'"detail":' + b"[" * 90_000, False),
        (b'"\xff":1,', False),
    ],
)
def test_a_line_that_was_written_otherwise_is_no_line_of_the_log(
    api: httpx.Client, tmp_path: Path, line: bytes, is_whole: bool
) -> None:
    """Members twice, other spaces, what cannot be read: only the bytes that were hashed are the entry."""
    api.post("/links", json={"code": f"{tmp_path.name}-a"})
    [first, *rest] = api.get("/audit/export").content.splitlines(keepends=True)
    file = tmp_path / "audit.ndjson"
    file.write_bytes(b"".join((b"{" + line + first[1:], *rest)))
    done = run("audit", "verify", str(file))
    assert (done.returncode == 0) == is_whole, done.stdout + done.stderr
    assert is_whole or "Line 1 of the file is not an entry of the audit log as it was written." in done.stderr
