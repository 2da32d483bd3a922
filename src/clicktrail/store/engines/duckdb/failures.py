"""Turns failures of the embedded engine into errors for callers."""

import re
import shutil
from pathlib import Path

import duckdb

from clicktrail.errors import StoreInUse, Unavailable
from clicktrail.model.addresses import render_ip
from clicktrail.store.engines.duckdb.log import log_of

_owner = re.compile(r"\(PID (\d+)\)").search


def unavailable() -> Unavailable:
    """Nothing was stored; the caller may try again."""
    return Unavailable("The store cannot take this now.", headers={"Retry-After": "5"})


def explain(path: Path, error: duckdb.Error) -> StoreInUse:
    """Why the store could not be opened, in one sentence."""
    owner = _owner(str(error))
    if "lock" not in str(error).lower():
        log = f" Move {log_of(path)} away to go on without it, or restore a backup." if "WAL" in str(error) else ""
        return StoreInUse(f"{path} cannot be opened: {str(error).splitlines()[0]}{log}")
    who = f"process {owner[1]}" if owner else "another process"
    return StoreInUse(f"{path} is in use by {who}; stop it first, or name another --data directory.")


def connect(path: Path, config: dict[str, str | bool | int | float | list[str]]) -> duckdb.DuckDBPyConnection:
    """Opens a store. Deletes what queries of a killed process wrote for want of memory: it has clicks. Raises
    StoreInUse."""
    try:
        connection = duckdb.connect(str(path), config=config)
    except duckdb.Error as error:
        raise explain(path, error) from None
    shutil.rmtree(f"{path}.tmp", ignore_errors=True)
    connection.create_function("render_ip", render_ip, ["VARCHAR"], "VARCHAR")
    return connection
