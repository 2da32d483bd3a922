"""Finds out whether a transaction was committed when its connection broke before the answer."""

import time
from typing import Any, NamedTuple

import psycopg

_PATIENCE_S = 10.0
_PAUSE_S = 0.1


class Doubt(NamedTuple):
    """A transaction's id, the start time of its server, and the id of a click that it added."""

    transaction: str | None
    server_start: str
    click_id: str | None


def was_committed(url: str, doubt: Doubt) -> bool:
    """Asks the server, as soon as it can be reached, whether a transaction was committed.

    It asks by transaction id if the server has not restarted: a server that crashed may give unwritten ids to other
    transactions. After a restart or failover it looks for the added click. It also returns False if no server answers
    in ten seconds, or if no click was added. The caller then answers 503, although the transaction may have been
    committed; a caller that sends the same uuid again gets the true answer.
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
    """None while the transaction is in progress."""
    [[server_start]] = connection.execute("SELECT pg_postmaster_start_time()::TEXT").fetchall()
    if server_start == doubt.server_start:
        [[status]] = connection.execute("SELECT pg_xact_status(%s::TEXT::xid8)", [doubt.transaction]).fetchall()
        return None if status == "in progress" else status == "committed"
    if doubt.click_id is None:
        return False
    return bool(connection.execute("SELECT 1 FROM clicks WHERE click_id = %s", [doubt.click_id]).fetchall())
