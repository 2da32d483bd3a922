"""Tokens of any kind for a server that runs, made as the command line makes them, without a process for each."""

from collections.abc import Sequence

import httpx
import psycopg

from clicktrail.model.access import Scope
from clicktrail.tokens import KEY_FILE, KeyFile, KeyRing, Keys, issue_token
from tests.serving import Serving


class _Lines:
    """The signing keys that nodes on PostgreSQL share."""

    def __init__(self, url: str) -> None:
        with psycopg.connect(url) as connection:
            rows = connection.execute("SELECT line FROM signing_keys ORDER BY position").fetchall()
        self._lines = [row[0] for row in rows]

    def stamp(self) -> int:
        return 1

    def read(self, first: str) -> list[str]:
        del first
        return self._lines

    def replace(self, lines: Sequence[str]) -> None:
        raise AssertionError(lines)


def sign(
    server: Serving, scope: str, partner: str | None = None, lifetime_s: int | None = 3600, name: str = "test"
) -> tuple[str, str]:
    """A token and its id; one with a negative lifetime has expired."""
    database = server.store.get("database")
    keys: Keys = KeyFile(server.data / KEY_FILE) if database is None else _Lines(database)
    return issue_token(KeyRing(keys), Scope(scope), name, lifetime_s, partner)


def client(server: Serving, scope: str, partner: str | None = None) -> httpx.Client:
    """A client with a token of a scope."""
    token, _ = sign(server, scope, partner)
    return httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {token}"}, timeout=30)
