"""What happens to the database happens to no promise: 503 while it lasts, and everything there afterwards."""

import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from tests.asking import count_clicks
from tests.cluster import cluster, own_folder, runner
from tests.nodes.harness import House, run_rounds, wait_until_serving
from tests.serving import free_port, serving
from tests.waiting import until

CLICK = {"ip": "8.8.8.8", "uri": "https://x.example/"}


@pytest.mark.slow
def test_nodes_lose_nothing_whatever_happens(tmp_path: Path) -> None:
    with cluster() as database:
        house = House(tmp_path, database, database.create("nodes"))
        try:
            assert run_rounds(house, 6) > 0
            house.stop()
        finally:
            for node in house.nodes:
                node.kill()


def test_a_database_that_is_away_is_503_until_it_is_back(tmp_path: Path) -> None:
    with (
        cluster() as database,
        serving(tmp_path / "data", database=database.create("away")) as node,
        node.client() as client,
    ):
        promised = client.post("/clicks", json=CLICK).json()["clickId"]
        database.kill()
        answers = [client.post("/clicks", json=CLICK), client.get("/clicks"), client.get("/health/ready")]
        assert [answer.status_code for answer in answers] == [503] * 3
        assert all(int(answer.headers["Retry-After"]) > 0 for answer in answers)
        assert client.get("/health").json() == {"status": "degraded", "reasons": ["The store does not answer."]}
        database.start()
        wait_until_serving(node)
        assert client.get("/health").json() == {"status": "ok"}
        assert client.get(f"/clicks/{promised}").status_code == 200
        assert count_clicks(client) == 1


@pytest.mark.slow
def test_a_promoted_standby_has_all_that_was_promised(tmp_path: Path) -> None:
    """The primary waits for its standby, dies, and the standby takes its place: libpq finds it by itself."""
    with cluster(wal_level="replica", max_wal_senders="4", synchronous_standby_names="*") as primary:
        primary.settings["synchronous_commit"] = "local"
        primary.restart()
        url = primary.create("failover")
        standby = primary.standby()
        primary.settings["synchronous_commit"] = "on"
        primary.restart()
        both = f"postgresql://postgres@127.0.0.1:{primary.port},127.0.0.1:{standby.port}/failover"
        try:
            with (
                serving(tmp_path / "data", database=f"{both}?target_session_attrs=read-write") as node,
                node.client() as client,
            ):
                promised = [client.post("/clicks", json=CLICK).json()["clickId"] for _ in range(50)]
                primary.kill()
                assert client.post("/clicks", json=CLICK).status_code == 503
                standby.promote()
                _release_standby(standby.url())
                wait_until_serving(node)
                promised.append(client.post("/clicks", json=CLICK).json()["clickId"])
                stored = {click["clickId"] for click in client.get("/clicks?limit=1000").json()}
                assert set(promised) <= stored
        finally:
            standby.stop()
            shutil.rmtree(standby.folder)
        assert url


def _release_standby(url: str) -> None:
    """The new primary has no standby of its own to wait for."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET synchronous_standby_names = ''")
        connection.execute("SELECT pg_reload_conf()")


def test_a_database_without_free_connections_is_503(tmp_path: Path) -> None:
    with cluster(max_connections="12", superuser_reserved_connections="0") as database:
        url = database.create("full")
        with serving(tmp_path / "data", database=url) as node, node.client() as client:
            assert client.post("/clicks", json=CLICK).status_code == 201
            others = []
            with psycopg.connect(database.url(), autocommit=True) as admin:
                try:
                    while True:
                        others.append(psycopg.connect(database.url()))
                except psycopg.OperationalError:
                    pass
                admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'full'",
                )
                try:
                    while True:
                        others.append(psycopg.connect(database.url()))
                except psycopg.OperationalError:
                    pass
                refused = client.post("/clicks", json=CLICK)
            assert refused.status_code == 503
            for other in others:
                other.close()
            wait_until_serving(node)
            assert client.post("/clicks", json=CLICK).status_code == 201
            assert count_clicks(client) == 2


def test_a_statement_past_its_time_is_503(new_database: Callable[[], str], tmp_path: Path) -> None:
    url = new_database()
    with serving(tmp_path / "data", database=url, statement_timeout_s="1") as node, node.client() as client:
        click_id = client.post("/clicks", json=CLICK).json()["clickId"]
        with psycopg.connect(url) as blocking:
            blocking.execute("LOCK TABLE clicks IN ACCESS EXCLUSIVE MODE")
            started = time.monotonic()
            answers = [client.get(f"/clicks/{click_id}"), client.post("/clicks", json=CLICK)]
            assert [answer.status_code for answer in answers] == [503, 503]
            assert time.monotonic() - started < 15
        assert client.get(f"/clicks/{click_id}").status_code == 200
        assert count_clicks(client) == 1


def can_connect(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


@pytest.mark.skipif(shutil.which("pgbouncer") is None, reason="PgBouncer is not installed")
def test_a_pooler_in_transaction_mode_may_stand_between(new_database: Callable[[], str], tmp_path: Path) -> None:
    url, port = new_database(), free_port()
    host, _, name = url.rpartition("@")[2].partition("/")
    folder = own_folder()
    (folder / "users").write_text('"postgres" ""\n')
    (folder / "pgbouncer.ini").write_text(
        f"[databases]\n{name} = host={host.partition(':')[0]} port={host.partition(':')[2]} dbname={name}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nauth_type = trust\n"
        f"auth_file = {folder / 'users'}\npool_mode = transaction\ndefault_pool_size = 5\nunix_socket_dir =\n"
    )
    pooler = subprocess.Popen(["pgbouncer", str(folder / "pgbouncer.ini")], stderr=subprocess.DEVNULL, user=runner())
    try:
        through = f"postgresql://postgres@127.0.0.1:{port}/{name}"
        until(lambda: can_connect(through), "PgBouncer serves")
        with serving(tmp_path / "data", database=through) as node, node.client() as client:
            link = client.post("/links", json={"code": "pooled"}).json()["linkId"]
            made = client.post("/clicks", json=CLICK | {"uri": "https://x.example/?referral=pooled"}).json()
            assert made["linkId"] == link
            assert client.patch(f"/clicks/{made['clickId']}", json={"firstName": "Mary"}).status_code == 200
            assert client.get(f"/links/{link}/metrics").json()["registrations"] == 1
            assert client.get("/clicks/export?format=csv").text.count("pooled") == 1
    finally:
        pooler.terminate()
        pooler.wait(10)
        shutil.rmtree(folder)


def test_a_catalogue_that_is_held_holds_nobody_for_long(new_database: Callable[[], str], tmp_path: Path) -> None:
    url = new_database()
    with serving(tmp_path / "data", database=url, statement_timeout_s="1") as node, node.client() as client:
        with psycopg.connect(url) as blocking:
            blocking.execute("LOCK TABLE catalogue_version IN EXCLUSIVE MODE")
            started = time.monotonic()
            answers = [client.post("/clicks", json=CLICK), client.post("/links", json={})]
            assert [answer.status_code for answer in answers] == [503, 503]
            assert time.monotonic() - started < 15
        assert client.post("/clicks", json=CLICK).status_code == 201
        assert count_clicks(client) == 1
