"""`clicktrail doctor --recount` names every count that is not what the clicks give; `migrate --recount` corrects it."""

from pathlib import Path

from clicktrail.store.counting import totals
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.sql import sql
from tests.conftest import AnyEngine, NewStore, engine_of
from tests.serving import run, serving

AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"


def fill_store(folder: Path, store: dict[str, str]) -> None:
    """Three clicks of a link that are in the totals, and two that are not yet."""
    click = {"uri": "https://x.example/?referral=spring", "userAgent": AGENT, "time": "2024-02-03T04:05:06Z"}
    with serving(folder, **store) as server, server.client() as api:
        assert api.post("/links", json={"code": "spring"}).status_code == 201
        assert api.post("/clicks/batch", json=[{**click, "ip": f"8.8.8.{n}"} for n in range(3)]).status_code == 201
    with_engine(folder, store, lambda session: totals.add_up(session, 1))
    with serving(folder, **store) as server, server.client() as api:
        assert api.post("/clicks/batch", json=[{**click, "ip": f"9.9.9.{n}"} for n in range(2)]).status_code == 201


def with_engine(folder: Path, store: dict[str, str], work: object) -> None:
    engine: AnyEngine = engine_of(folder, store)
    engine.run(work)  # type: ignore[arg-type]
    engine.close()


def damage(session: Session) -> None:
    session.rows(sql("UPDATE daily_countries SET clicks = clicks + 7"))
    session.rows(sql("DELETE FROM daily_links"))
    session.rows(sql("UPDATE link_figures SET unique_clicks = 40"))
    if session.dialect.is_owned:
        session.rows(sql("UPDATE click_parts SET clicks = 41 WHERE order_name = 'time'"))


def test_differences_are_named_and_corrected(engine_kind: str, new_store: NewStore, tmp_path: Path) -> None:
    store, data = new_store(engine_kind), {"data": str(tmp_path)}
    fill_store(tmp_path, store)
    found = run("doctor", "--recount", **data, **store)
    assert found.returncode == 0, found.stdout
    assert "daily totals equal a recount" in found.stdout
    assert "figures of links equal a recount" in found.stdout
    with_engine(tmp_path, store, damage)
    assert run("doctor", **data, **store).returncode == 0
    found = run("doctor", "--recount", **data, **store)
    assert found.returncode == 1
    assert "daily_countries of 2024-02-03, country_code=US: 7 clicks too many" in found.stdout
    [line] = [line for line in found.stdout.splitlines() if "daily_links" in line]
    assert "3 clicks too few, 3 unique_clicks too few" in line
    [figures] = [line for line in found.stdout.splitlines() if " figures " in line]
    assert "stored" in figures
    assert ("order by time: 1 parts have other numbers" in found.stdout) == (engine_kind == "duckdb")
    assert "clicktrail migrate --recount" in found.stdout
    assert run("migrate", "--recount", **data, **store).returncode == 0
    assert run("doctor", "--recount", **data, **store).returncode == 0


def test_a_store_that_is_in_use_cannot_be_counted(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        port = server.url.rpartition(":")[2]
        found = run("doctor", "--recount", "--data", str(tmp_path), "--port", port)
    assert found.returncode == 0
    assert "unknown  recount     " in found.stdout
