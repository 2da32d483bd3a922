"""How transactions begin on PostgreSQL: isolation, timeouts and locks."""

from enum import Enum

from clicktrail.store.engines.postgres import citus
from clicktrail.store.session.transactions import Write

_SCHEMA_LOCK = 0x636C_6B01


_NO_JIT = "SET LOCAL jit = off"
"""Plans have a part for each month, and JIT would compile the expressions of each."""


class Kind(Enum):
    """How a transaction begins. `{bounds}` is replaced by the timeouts of locks and statements."""

    READ = "ISOLATION LEVEL REPEATABLE READ READ ONLY; {bounds}"
    EXPORT = "ISOLATION LEVEL REPEATABLE READ READ ONLY"
    CHANGE = "ISOLATION LEVEL SERIALIZABLE; {bounds}"
    ALONE = "ISOLATION LEVEL SERIALIZABLE; {bounds}; LOCK TABLE catalogue_version IN EXCLUSIVE MODE"
    CLICKS = "ISOLATION LEVEL READ COMMITTED; {bounds}; LOCK TABLE catalogue_version IN ROW SHARE MODE"
    QUEUE = "ISOLATION LEVEL READ COMMITTED; {bounds}"
    UPKEEP = "ISOLATION LEVEL READ COMMITTED"
    FILL = "ISOLATION LEVEL READ COMMITTED; LOCK TABLE catalogue_version IN EXCLUSIVE MODE"
    SCHEMA = f"ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock({_SCHEMA_LOCK}); {{lock}}"


KINDS = {
    Write.CLICKS: Kind.CLICKS,
    Write.QUEUE: Kind.QUEUE,
    Write.UPKEEP: Kind.QUEUE,
    Write.BESIDE: Kind.CHANGE,
    Write.CHANGE: Kind.CHANGE,
    Write.ALONE: Kind.ALONE,
    Write.CATALOGUE: Kind.ALONE,
}


def begin_by_kind(timeout_s: float, is_spread: bool) -> dict[Kind, str]:
    """The first statements of each kind of transaction."""
    lock = f"SET LOCAL lock_timeout = {int(timeout_s * 333)}"
    bounds = f"{lock}; SET LOCAL statement_timeout = {int(timeout_s * 1000)}"
    texts = {kind: kind.value for kind in Kind}
    if is_spread:
        texts |= {Kind.READ: citus.READ} | {KINDS[write]: text for write, text in citus.BEGINNINGS.items()}
        texts |= {kind: f"{texts[kind]}; {citus.ONE_BY_ONE}" for kind in (*KINDS.values(), Kind.SCHEMA, Kind.FILL)}
    texts |= {kind: f"{texts[kind]}; {_NO_JIT}" for kind in (Kind.READ, Kind.EXPORT)}
    return {kind: f"BEGIN {text.format(bounds=bounds, lock=lock)}" for kind, text in texts.items()}
