"""What became of a commit whose connection broke before the answer came."""

import time
from typing import Any, NamedTuple

import psycopg

_PATIENCE_S = 10.0
_PAUSE_S = 0.1


class Doubt(NamedTuple):
    """A transaction by its id, the start of the server that ran it, and the id of a click that it added."""

    transaction: str | None
    server_start: str
    click_id: str | None


def was_committed(url: str, doubt: Doubt) -> bool:
    """Asks the server, once it can be reached again, about a transaction.

    By its id, if the server is still the same: one that crashed gives the ids of what it had not written down to other
    transactions. After a restart or a failover only what the transaction added can tell. False also where nobody can
    be asked in ten seconds, or nothing tells: the caller then answers 503, although the transaction may yet be there; a
    client that sends the same uuid again is told the truth.
    """
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        try:
            with psycopg.connect(url, autocommit=True, connect_timeout=2) as connection:
                answer = _ask(connection, doubt)
        except psycopg.Error:
            answer = None
        if answer is not None:
            return answer
        time.sleep(_PAUSE_S)
    return False


def _ask(connection: "psycopg.Connection[Any]", doubt: Doubt) -> bool | None:
    """None while the transaction is still at it."""
    [[server_start]] = connection.execute("SELECT pg_postmaster_start_time()::TEXT").fetchall()
    if server_start == doubt.server_start:
        [[status]] = connection.execute("SELECT pg_xact_status(%s::TEXT::xid8)", [doubt.transaction]).fetchall()
        return None if status == "in progress" else status == "committed"
    if doubt.click_id is None:
        return False
    return bool(connection.execute("SELECT 1 FROM clicks WHERE click_id = %s", [doubt.click_id]).fetchall())
