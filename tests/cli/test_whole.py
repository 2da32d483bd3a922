"""`clicktrail export --all` and `clicktrail import DIR`: the same store again, on both engines and across them."""

import hashlib
import json
import shutil
import signal
import subprocess
from collections.abc import Callable, Collection, Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import httpx
import pytest
from click.testing import CliRunner, Result

from clicktrail.cli import main, whole
from clicktrail.errors import Unavailable
from clicktrail.opening import open_engine
from clicktrail.settings import load_settings
from clicktrail.store.exchange import dump, parquet
from clicktrail.store.exchange.move import TABLES, columns_of, count_rows
from clicktrail.store.migrations.shared import migrate
from clicktrail.store.session.hashes import text_hash
from clicktrail.store.session.protocol import Engine, Row, Session
from clicktrail.store.session.relations import DERIVED as MADE_AGAIN
from clicktrail.store.session.sql import sql
from tests.api.test_attribution import click as send_click
from tests.api.test_attribution import make_partner, outcomes, register
from tests.ingest.test_agents import CHROME, GOOGLE
from tests.people import Person, make_person
from tests.serving import COMMAND, Serving, environment, run, serving
from tests.store.test_upgrade import DERIVED, tables
from tests.waiting import until

ODD = (
    "plain",
    "quotes \" ' ` and, commas; \t tabs | \\ \\N \\. $1 %s",
    "lines\r\nof\nmany\rkinds\x0b\x0c\x85\u2028\u2029",
    "\ufeff\u202eЖ漢字e\u0301\U0001f600\uffff\x01\x7f",
    " NULL ",
    "x" * 8_192,
)
WHOLE = {
    "bigint": (0, -1, 2**63 - 1, -(2**63), 1_600_000_000_123_456),
    "integer": (0, -1, 2**31 - 1, -(2**31)),
    "double": (0.1, -180.0, 5e-324, 1.7976931348623157e308, 1 / 3),
    "boolean": (True, False),
}
ROWS = 14
SECONDS = (*(1_400_000_000 + 40_000_000 * number for number in range(9)), 0xFFFFFFFF)
"""When clicks were made: in ten different months, the last of which is to come."""


TIMES = (0, -1, 253_402_300_799_999_999, -62_135_596_800_000_000, 1_600_000_000_123_456)
"""Among them the first and the last that have a year of four digits."""
IPS = ("400000000", "4ffffffff", "6" + "0" * 32, "6" + "f" * 32, "4000000", "6" + "f" * 12, "h" + "0" * 16, "")
WORDS: dict[tuple[str, str], tuple[Any, ...]] = {
    ("attributions", "touch"): ("first", "last"),
    ("attributions", "rule"): ("first-touch", "last-touch", "code", "none", "explicit", "outranked", "imported"),
    ("attribution_clicks", "outcome"): ("wins", "earlier", "later", "no-link", "other-link", "too-old", "taken"),
    ("contacts", "key"): ("email", "phone"),
    ("clients", "scope"): ("admin", "write", "read", "partner", "postback"),
    ("users", "scope"): ("admin", "read", "partner"),
    ("links", "redirect_status"): (301, 302, 307),
    ("profiles", "country_code"): ("DE", "EE"),
    ("postbacks", "method"): ("GET", "POST"),
    ("deliveries", "event"): ("click", "registration", "test"),
    ("deliveries", "status"): ("waiting", "delivered", "dead"),
    ("clicks", "ip"): IPS,
    ("clicks", "ip_hash"): tuple(map(text_hash, IPS)),
}
SELDOM = {
    "dropped_clicks",
    "dropped_figures",
    "reduced_addresses",
    "purges",
    "erased_keys",
    "erasure_secrets",
    "erasures",
    "objections",
    "erasing",
}
"""Retention, erasures and the ageing of addresses alone write there."""


def value(table: str, column: str, kind: str, number: int) -> Any:
    """A value for a column of one of the rows; a key is its own. Salts are real: every command reads them."""
    if table == "visitor_salts":
        return 1_000_000 + number if column == "day" else f"{number:032x}"
    if (table, column) in WORDS:
        return WORDS[table, column][number % len(WORDS[table, column])]
    if (table, column) == ("clicks", "uuid_hash"):
        return text_hash(value(table, "uuid", "text", number))
    is_text = kind in ("text", "varchar")
    if column in TABLES[table] or (is_text and column.endswith("_id")):
        second = SECONDS[number % len(SECONDS)]
        return f"{second:08x}{number:016x}" if is_text else number
    if column.endswith("time"):
        return TIMES[number % len(TIMES)]
    if kind in ("text", "varchar"):
        return f"{ODD[number % len(ODD)]}{number}" if number else ""
    kind = kind.split()[0]
    return WHOLE[kind][number % len(WHOLE[kind])]


FILLED = ("is_first", "partner_id")
"""Columns whose missing values are filled when a store is opened."""


def odd_rows(session: Session, table: str) -> tuple[list[str], list[list[Any]]]:
    """Rows in which every column that is copied has every kind of value, and is null where it may be."""
    found = session.rows(
        sql(
            "SELECT column_name, data_type, is_nullable FROM information_schema.columns WHERE table_name = {} "
            "AND table_schema = current_schema() ORDER BY column_name",
            table,
        )
    )
    found = [row for row in found if row[0] not in MADE_AGAIN]
    rows = [[value(table, column, kind.lower(), number) for column, kind, _ in found] for number in range(ROWS)]
    for place, (column, _, is_nullable) in enumerate(found):
        if is_nullable == "YES" and column not in FILLED:
            rows[1][place] = rows[2 + place % (ROWS - 2)][place] = None
    return [column for column, _, _ in found], rows


def fill(engine: Engine) -> None:
    engine.fill(lambda _: None, SECONDS)
    for table in TABLES:
        columns, rows = engine.run(partial(odd_rows, table=table))
        engine.run(lambda session: session.insert(table, columns, rows))  # noqa: B023 - it runs at once


def programme(server: Serving) -> None:
    """Some of everything that a server makes."""
    with server.client() as api:
        theme, size, language = (
            api.post(f"/banners/{name}s", json={f"{name}Name": name, **more}).json()[f"{name}Id"]
            for name, more in (("theme", {}), ("size", {"width": 3, "height": 4}), ("language", {}))
        )
        banner = {"bannerName": "ä", "themeId": theme, "sizeId": size, "languageId": language}
        partner, owner = make_partner(api), make_partner(api)
        for body in (
            {"code": "b", "profileId": partner, "bannerId": api.post("/banners", json=banner).json()["bannerId"]},
            {"code": "gone", "profileId": owner, "expireTime": "2030-01-01T00:00:00Z"},
        ):
            assert api.post("/links", json=body).status_code == 201
        assert api.post("/sites", json={"name": "s", "origins": ["https://x.example"]}).status_code == 201
        hook = {"profileId": partner, "uri": "https://127.0.0.1:1/?c=[click_id]", "events": ["click", "registration"]}
        assert [api.post("/postbacks", json=hook).status_code for _ in range(2)] == [201, 201]
        clicks(api)
        assert api.post("/clients", json={"name": "c", "scope": "read"}).status_code == 201
        make_person(server, api, "Mary")
        assert api.delete(f"/profiles/{owner}").status_code == 204
        assert api.post("/tokens/revocations", json={"tokenId": "0" * 16}).status_code == 204
    assert run("token", "create", "--scope", "read", data=str(server.data), **server.store).returncode == 0
    outrank(server, partner)


def clicks(api: httpx.Client) -> None:
    first = send_click(api, "b", 10, visitorId="v")
    for more in ({"userAgent": GOOGLE}, {"uuid": "own", "visitorId": "w"}, {}):
        send_click(api, "b", 11, **more)
    ids = [
        api.post("/clicks", json={"ip": "9.9.9.9", "userAgent": CHROME, "uri": "https://x.example/?referral=b"}).json()
        for _ in range(2)
    ]
    assert api.get("/clicks?filter[isBot]=1").json()
    assert api.get(f"/clicks?filter[duplicateOf]={ids[0]['clickId']}").json()
    assert api.post("/identities", json={"visitorId": "v", "uuid": "person"}).status_code == 201
    contacts = [{"key": "email", "value": "a@email.com"}, {"key": "phone", "value": "+14155552671"}]
    mary = {"firstName": "Mary", "uuid": "person", "contacts": contacts, "tags": ["b", "a"]}
    assert outcomes(register(api, visitorId="v", profile=mary))[first] == "wins"
    assert register(api, code="b")["rule"] == "code"
    assert register(api, visitorId="nobody")["rule"] == "none"
    assert api.patch(f"/clicks/{ids[0]['clickId']}", json={"firstName": "Jo", "countryNumericCode": "276"}).is_success
    gone = api.post("/clicks", json={"ip": "9.9.9.8", "uri": "https://x.example/"}).json()["clickId"]
    client = api.patch(f"/clicks/{gone}", json={"firstName": "Ann"}).json()["profileId"]
    assert [api.delete(path).status_code for path in (f"/profiles/{client}", f"/clicks/{gone}")] == [204, 204]
    old = [{"profileId": "old"}, {"clickId": "o", "ip": "8.8.8.8", "uri": "https://x.example/", "profileId": "old"}]
    old[1]["time"] = "2020-01-01T00:00:00Z"
    assert {each["status"] for each in api.post("/imports", json=old).json()["results"]} == {201}
    merged = [api.post("/profiles", json={"firstName": name, "uuid": name}).json()["profileId"] for name in "mn"]
    assert api.post(f"/profiles/{merged[0]}/merge", json={"profileId": merged[1]}).is_success


def outrank(server: Serving, partner: str) -> None:
    """A partner registers a client by a click, and the site says who it was."""
    with server.client() as api:
        only = send_click(api, "b", 13, visitorId="x")
        token = server.token("postback", partner)
        named = {"token": token, "click_id": only, "profile_uuid": "u", "time": "2024-05-20T00:00:00Z"}
        assert httpx.get(f"{server.url}/postback", params=named).is_success
        register(api, clickId=only, profile={"firstName": "Mary", "uuid": "17"})


def engine_of(options: list[str]) -> Engine:
    pairs = dict(zip([option.removeprefix("--") for option in options[::2]], options[1::2], strict=True))
    return open_engine(load_settings(pairs, {}))


OWN_ENTRIES = {"audit"}
"""Every command adds to it, so no two stores have the same."""


def content(options: list[str], leave_out: Collection[str] = OWN_ENTRIES) -> dict[str, list[Row]]:
    """Every row of every table of a store."""
    engine = engine_of(options)

    def read(session: Session, table: str) -> list[Row]:
        order = ", ".join(TABLES[table])
        return session.rows(sql(f"SELECT {', '.join(columns_of(session, table))} FROM {table} ORDER BY {order}"))

    try:
        return {table: engine.run(partial(read, table=table)) for table in TABLES if table not in leave_out}
    finally:
        engine.close()


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def ok(*arguments: str) -> str:
    done = call(*arguments)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture(scope="module")
def reader() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": 1}) as opened:
        yield opened


@pytest.fixture(autouse=True)
def one_reader(reader: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands in this process ask one DuckDB about their files: an import has 250 questions, and a DuckDB for each
    takes 24 ms to start."""
    started = SimpleNamespace(connect=lambda **_: reader.cursor(), Error=duckdb.Error)
    monkeypatch.setattr(parquet, "duckdb", started)


@pytest.fixture
def new_store(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[str], list[str]]:
    """The options of a store on an engine that nobody has used yet."""

    def make(kind: str) -> list[str]:
        number = len(list(tmp_path.iterdir()))
        (tmp_path / f"taken-{number}").touch()
        data = ["--data", str(tmp_path / f"data-{number}")]
        return data if kind == "duckdb" else [*data, "--database", request.getfixturevalue("new_database")()]

    return make


NewStore = Callable[[str], list[str]]
OTHER = {"duckdb": "postgres", "postgres": "duckdb"}


@pytest.fixture
def filled(engine_kind: str, new_store: NewStore) -> list[str]:
    """A store with rows in every table."""
    options = new_store(engine_kind)
    engine = engine_of(options)
    try:
        engine.migrate(migrate)
        fill(engine)
    finally:
        engine.close()
    return options


def test_every_value_survives_from_engine_to_engine_and_back(
    engine_kind: str, filled: list[str], new_store: NewStore, tmp_path: Path
) -> None:
    """Every column of every table, one that is added later included: the rows are made from the tables themselves."""
    before, source = content(filled, ()), filled
    assert {len(rows) for rows in before.values()} == {ROWS}
    for number, kind in enumerate((engine_kind, OTHER[engine_kind], engine_kind)):
        folder, target = tmp_path / f"all-{number}", new_store(kind)
        assert "the whole store" in ok("export", *source, "--all", str(folder))
        assert "the whole store" in ok("import", *target, str(folder))
        after = content(target, ())
        assert after.pop("visitor_salts") == content(source)["visitor_salts"]
        assert set(before["audit"]) < set(after.pop("audit"))  # each command adds its own entry
        for table, rows in after.items():
            assert rows == before[table], table
        source = target


def test_a_programme_is_the_same_behind_another_server(engine_kind: str, new_store: NewStore, tmp_path: Path) -> None:
    home, away = new_store(engine_kind), new_store(OTHER[engine_kind])
    settings = {"postback_networks": "127.0.0.1/32"}
    with serving(Path(home[1]), **settings, **dict(zip(["database"], home[3:], strict=False))) as server:
        programme(server)
        shown = answers(server)
    ok("export", *home, "--all", str(tmp_path / "all"))
    before = content(home)
    ok("import", *away, str(tmp_path / "all"))
    assert content(away) == before
    assert {row[columns(home, "attributions").index("rule")] for row in before["attributions"]} >= {
        *("last-touch", "code", "none", "explicit", "imported", "outranked"),
    }
    empty = [table for table, rows in before.items() if not rows and table not in SELDOM]
    assert empty == []
    options = {"send_postbacks": "false", **dict(zip(["database"], away[3:], strict=False))}
    with serving(Path(away[1]), **options) as server:
        assert answers(server) == shown
        mary = Person(server, "Mary")
        assert mary.sign_in().status_code == 201
        assert len(mary.get("/sessions").json()) == 1  # sessions end with a move


def columns(options: list[str], table: str) -> list[str]:
    engine = engine_of(options)
    try:
        return engine.run(partial(columns_of, table=table))
    finally:
        engine.close()


def answers(server: Serving) -> dict[str, Any]:
    """What a server says of the programme; deliveries are left out, for it tries them meanwhile."""
    with server.client() as api:
        paths = ("/clicks?query[link]=1&query[profile]=1&query[contacts]=1&query[metrics]=1", "/profiles?", "/links?")
        lists = (*paths, "/banners?", "/sites?", "/identities?", "/postbacks?", "/clients?", "/users?")
        found = {path: api.get(f"{path}&limit=1000").json() for path in lists}
        for click in found[paths[0]]:
            path = f"/clicks/{click['clickId']}/attribution"
            found[path] = api.get(path).json()
        return found


def test_a_folder_holds_a_file_for_every_table_and_is_for_its_owner_alone(
    engine_kind: str, filled: list[str], tmp_path: Path
) -> None:
    folder = tmp_path / "all"
    said = ok("export", *filled, "--all", str(folder))
    assert "signing keys are not in it" in said
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    engine = engine_of(filled)
    wanted = engine.run(tables) - DERIVED
    engine.close()
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["tables"].keys() == wanted, engine_kind
    assert {path.name for path in folder.iterdir()} == {"manifest.json", *(f"{table}.parquet" for table in wanted)}
    assert {each["rows"] for each in manifest["tables"].values()} == {ROWS, ROWS + 2}  # the salts of two days


def test_a_store_that_is_not_empty_is_left_alone(filled: list[str], tmp_path: Path) -> None:
    ok("export", *filled, "--all", str(tmp_path / "all"))
    before = content(filled)
    done = call("import", *filled, str(tmp_path / "all"))
    assert (done.exit_code, "The store is not empty: it has languages, " in done.output) == (1, True)
    assert content(filled) == before


def change_manifest(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    change(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest))


def sign_anew(folder: Path, table: str) -> None:
    """Whoever changes a file on purpose writes down its new checksum."""
    body = (folder / f"{table}.parquet").read_bytes()
    new = {"bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}
    change_manifest(folder, lambda manifest: manifest["tables"][table].update(new))


def rewrite(folder: Path, table: str, rows: str) -> None:
    path, new = folder / f"{table}.parquet", folder / "new"
    with duckdb.connect() as engine:
        made = f"SELECT * EXCLUDE (file_row_number) FROM (SELECT {rows} FROM read_parquet(?, file_row_number = true))"
        engine.execute(f"COPY ({made}) TO '{new}' (FORMAT parquet)", [str(path)])
    new.rename(path)
    sign_anew(folder, table)


def cut(folder: Path) -> None:
    path = folder / "clicks.parquet"
    path.write_bytes(path.read_bytes()[:-100])


def flip(folder: Path) -> None:
    path = folder / "links.parquet"
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 1
    path.write_bytes(body)


def replace(folder: Path) -> None:
    (folder / "deliveries.parquet").write_bytes(b"PAR1 but no more")
    sign_anew(folder, "deliveries")


def double(folder: Path, table: str) -> None:
    """Adds the first row of a file once more."""
    path, new = folder / f"{table}.parquet", folder / "new"
    with duckdb.connect() as engine:
        engine.execute(f"COPY (FROM '{path}' UNION ALL (FROM '{path}' LIMIT 1)) TO '{new}' (FORMAT parquet)")
    new.rename(path)
    sign_anew(folder, table)
    change_manifest(folder, lambda manifest: manifest["tables"][table].update(rows=ROWS + 1))


def third(column: str, wrong: str) -> str:
    """A wrong value in one of the rows alone."""
    return f"CASE WHEN file_row_number = 2 THEN {wrong} ELSE {column} END AS {column}"


MADE_UP = (
    ("clicks", "'x' AS click_id", "row 1, column click_id: is not an id of 24 lower-case hex digits"),
    ("clicks", third("ip", "'9.9.9.9'"), "row 3, column ip: is not the key of an address"),
    ("clicks", third("ip_hash", "1"), "row 3, column ip_hash: is not the hash of the address"),
    ("clicks", third("link_id", "'me'"), "row 3, column link_id: is not an id"),
    (
        "clicks",
        third("time", "BIGINT '4611686018427387904'"),
        "row 3, column time: is not a time",
    ),
    ("clicks", third("uri", "NULL"), "row 3, column uri: has no value"),
    ("clicks", third("referrer", "'a' || chr(0)"), "row 3, column referrer: has the character NUL"),
    ("clicks", "'x' AS time", "column time: must have the type BIGINT, not VARCHAR"),
    ("attributions", third("rule", "'best-touch'"), "row 3, column rule: is not a word of this column"),
    ("links", third("redirect_status", "200"), "row 3, column redirect_status: is not a word"),
    ("links", "'same' AS code", f"row {ROWS}, column code: repeats the value of an earlier row"),
    (
        "profiles",
        "'same' AS uuid, CAST(NULL AS VARCHAR) AS name_space",
        f"row {ROWS}, column uuid, name_space: repeats the value",
    ),
)
"""A file whose manifest is right, made by someone who does not know what a store holds."""
DAMAGES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "cut": (cut, "clicks.parquet has "),
    "flipped": (flip, "links.parquet was changed"),
    "missing": (lambda folder: (folder / "sites.parquet").unlink(), "sites.parquet is missing"),
    "broken off": (lambda folder: (folder / "manifest.json").unlink(), "there is no manifest.json"),
    "foreign": (lambda folder: (folder / "manifest.json").write_text('{"format": "x"}'), "is not the manifest"),
    "no JSON": (lambda folder: (folder / "manifest.json").write_text("{"), "manifest.json is damaged"),
    "deep": (lambda folder: (folder / "manifest.json").write_text("[" * 100_000), "manifest.json is damaged"),
    "a list": (lambda folder: (folder / "manifest.json").write_text("[]"), "manifest.json is damaged"),
    "no UTF-8": (lambda folder: (folder / "manifest.json").write_bytes(b'{"format": "\xff"}'), "manifest.json is dam"),
    "another layout": (lambda folder: change_manifest(folder, lambda said: said.update(layout=2)), "has layout 2"),
    "lacking": (lambda folder: change_manifest(folder, lambda said: said["tables"].pop("links")), "must name the tab"),
    "newer": (lambda folder: change_manifest(folder, lambda said: said["migrations"].append("x")), "upgrade Clicktr"),
    "older": (lambda folder: change_manifest(folder, lambda said: said["migrations"].pop()), "with that version"),
    "miscounted": (
        lambda folder: change_manifest(folder, lambda said: said["tables"]["clicks"].update(rows=3)),
        "clicks differs from clicks.parquet",
    ),
    "no Parquet": (replace, "deliveries.parquet cannot be read"),
    "another column": (lambda folder: rewrite(folder, "clicks", "*, 1 AS more"), "must have the columns"),
    **{
        f"{table} {number}": (partial(rewrite, table=table, rows=f"* REPLACE ({changed})"), f"{table}.parquet, {words}")
        for number, (table, changed, words) in enumerate(MADE_UP)
    },
    "doubled": (partial(double, table="links"), f"links.parquet, row {ROWS + 1}, column link_id: repeats"),
}


def test_what_is_damaged_is_refused_whole(engine_kind: str, filled: list[str], new_store: NewStore) -> None:
    """What is found at the start, and what is found when almost everything is in the store already."""
    good = Path(filled[1]).parent / "good"
    ok("export", *filled, "--all", str(good))
    target = new_store(engine_kind)
    for name, (damage, words) in DAMAGES.items():
        folder = good.with_name(f"bad [{name}]*")  # letters that are patterns to DuckDB
        shutil.copytree(good, folder)
        damage(folder)
        done = call("import", *target, str(folder))
        assert done.exit_code == 1, (name, done.output)
        assert words in done.output, (name, done.output)
        assert not [word for word in ("Traceback", "imported and", str(SyntaxError)) if word in done.output]
        assert not Path(target[1]).exists(), name
        if engine_kind == "postgres":
            engine = engine_of(target)
            engine.migrate(migrate)
            assert set(count_rows(engine).values()) == {0}, name
            engine.close()
    plain = shutil.copytree(good, good.with_name("good1"))  # what the pattern in the next name would find
    (plain / "links.parquet").write_bytes(b"x")
    ok("import", *target, str(good.rename(good.with_name("good[1]"))))
    assert content(target) == content(filled)


def test_a_folder_in_use_is_replaced_only_by_force_and_only_by_a_whole_export(
    filled: list[str], new_store: NewStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "all"
    folder.mkdir()
    (folder / "mine.txt").write_text("stays")
    done = call("export", *filled, "--all", str(folder))
    assert (done.exit_code, "is not empty" in done.output, len(list(folder.iterdir()))) == (1, True, 1)
    ok("export", *filled, "--all", "--force", str(folder))
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with monkeypatch.context() as patch:

        def break_off(session: Session, target: Path) -> None:
            dump._write_table(session, "clicks", target / "clicks.parquet")
            raise Unavailable("The disk is full.")

        patch.setattr(whole, "write_tables", break_off)
        done = call("export", *filled, "--all", "--force", str(folder))
        assert (done.exit_code, "The disk is full" in done.output) == (1, True)
        done = call("export", *filled, "--all", str(tmp_path / "new"))
        assert (done.exit_code, (tmp_path / "new").exists()) == (1, False)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    ok("export", *filled, "--all", "--force", str(folder))
    assert (folder / "mine.txt").read_text() == "stays"
    ok("import", *new_store("duckdb"), str(folder))


def test_a_running_server_sends_what_it_has_and_lets_nothing_in(tmp_path: Path, new_store: NewStore) -> None:
    with serving(tmp_path / "data") as server, server.client() as api:
        made = api.post("/clicks", json={"ip": "8.8.8.8", "uri": "https://x.example/"}).json()["clickId"]
        ok("export", "--data", str(server.data), "--all", str(tmp_path / "all"))
        done = call("import", "--data", str(server.data), str(tmp_path / "all"))
        assert (done.exit_code, "is in use by process" in done.output) == (1, True)
    assert {path.suffix for path in (tmp_path / "all").iterdir()} == {".json", ".parquet"}
    target = new_store("duckdb")
    ok("import", *target, str(tmp_path / "all"))
    assert content(target) == content(["--data", str(server.data)])
    with serving(Path(target[1])) as server, server.client() as api:
        assert api.get(f"/clicks/{made}").status_code == 200


def test_a_killed_import_leaves_a_store_that_can_be_imported_into(tmp_path: Path, new_store: NewStore) -> None:
    source, target = new_store("duckdb"), new_store("duckdb")
    engine = engine_of(source)
    engine.migrate(migrate)
    engine.run(
        lambda session: session.rows(
            sql(
                "INSERT INTO clicks (click_id, time, ip, uri, update_time) "
                "SELECT lpad(lower(to_hex(i)), 24, '0'), i, '408080808', 'https://x.example/' || hash(i), 0 "
                "FROM range(140000) t(i)"  # a group of 122,880 rows is in the file before the commit
            )
        )
    )
    engine.close()
    ok("export", *source, "--all", str(tmp_path / "all"))
    process = subprocess.Popen([*COMMAND, "import", *target, str(tmp_path / "all")], env=environment())
    store = Path(target[1]) / "clicktrail.duckdb"

    def is_half_done() -> bool:
        assert process.poll() is None, "it was over before it could be killed"
        return store.exists() and store.stat().st_size > 1 << 20

    until(is_half_done, "rows are in the file")
    process.send_signal(signal.SIGKILL)
    process.wait(20)
    assert sum(map(len, content(target).values())) == 0
    ok("import", *target, str(tmp_path / "all"))
    assert content(target) == content(source)


def test_what_else_is_wrong_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    for arguments, code, words in (
        (("export", "--all", "new"), 1, "There is no store at "),
        (("export", "new.csv"), 1, "There is no store at "),
        (("export", "--all", "file"), 1, "file is a file; --all needs a folder."),
        (("export", "--all", "nowhere/x"), 1, "There is no folder nowhere."),
        (("export", "--all", "--format", "csv", "new"), 2, "without --format, --filter and --columns"),
        (("export", "--all", "--columns", "", "new"), 2, "without --format, --filter and --columns"),
        (("import", ".", "file"), 2, "is imported by itself"),
        (("import", "--kind", "click", "--zone", "UTC", "."), 2, "--kind, --zone: for files of rows"),
        (("import", "."), 1, "holds no export of a whole store"),
    ):
        done = call(*arguments)
        assert (done.exit_code, words in done.output) == (code, True), done.output
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    for options in (["--database", "postgresql://127.0.0.1:1/x"], []):
        assert run("export", "--all", *options, str(tmp_path / "new"), data=str(tmp_path / "data")).returncode == 1
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
