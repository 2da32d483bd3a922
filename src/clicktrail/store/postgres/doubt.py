"""What became of a commit whose connection broke before the answer came."""

import time

import psycopg

_PATIENCE_S = 10.0
_PAUSE_S = 0.1


def was_committed(url: str, transaction: str) -> bool:
    """Asks the server, once it can be reached again, about a transaction by its id.

    False also where nobody can be asked in ten seconds: the caller then answers 503, although the transaction may yet
    be there; a client that sends the same uuid again is told the truth.
    """
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        try:
            with psycopg.connect(url, autocommit=True, connect_timeout=2) as connection:
                row = connection.execute("SELECT pg_xact_status(%s::TEXT::xid8)", [transaction]).fetchone()
        except psycopg.Error:
            row = None
        if row is not None and row[0] != "in progress":
            return bool(row[0] == "committed")
        time.sleep(_PAUSE_S)
    return False
