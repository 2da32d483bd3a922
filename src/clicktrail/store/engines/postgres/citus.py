"""How the tables lie in a Citus cluster. Each statement the program sends is then routed or parallel: ADR 14.

Clicks lie by their id: a get, a registration and a delete touch one shard, a list asks all shards at once. What is
counted of a visitor lies by the visitor, who claimed a uuid by the uuid, and the catalogue is whole on every machine.
"""

from clicktrail.errors import Conflict, Unavailable
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.relations import RELATIONS
from clicktrail.store.session.sql import sql
from clicktrail.store.session.transactions import Write

REFERENCE = tuple(each.table for each in RELATIONS if each.shard_column is None)
"""Tables of which every machine has a copy."""
DISTRIBUTED = {each.table: each.shard_column for each in RELATIONS if each.shard_column is not None}
"""Table -> the column that says on which shard a row lies."""
FUNCTIONS = ("fold(text)", "text_hash(text)", "visitor_key(text, text)")
SHARDS_PER_WORKER = 4
"""Few shards make batches fast, which go to most of them in turn; many let a cluster grow to more workers."""
MAX_SHARDS = 1_024
ONE_BY_ONE = "SET LOCAL citus.multi_shard_modify_mode = 'sequential'"
"""Has a transaction write to the shards of a worker one after the other, on one connection that is open already.

Left to itself Citus opens a connection for each shard, which takes longer than all the rest of a commit.
"""
_TURN = f"SELECT pg_advisory_xact_lock({0x636C_6B03})"
BEGINNINGS = {
    Write.CHANGE: f"ISOLATION LEVEL READ COMMITTED; {{bounds}}; {_TURN}",
    Write.ALONE: f"ISOLATION LEVEL READ COMMITTED; {{bounds}}; {_TURN}; LOCK TABLE catalogue_version IN EXCLUSIVE MODE",
}
"""How writes begin that are serializable elsewhere.

Each machine has a snapshot of its own here, taken at a different moment: one would show a click that was registered,
and the other not yet its client. So changes take turns, by a lock at the coordinator, and each statement sees all that
was committed before the turn.
"""
READ = "ISOLATION LEVEL READ COMMITTED READ ONLY; {bounds}"
"""How a read begins: a later statement sees at least what an earlier one saw."""
_PLACE = (
    "SELECT (SELECT groupid FROM pg_dist_local_group), "
    "EXISTS (SELECT FROM pg_dist_partition WHERE logicalrelid = to_regclass('clicks'))"
)
"""The number of this machine in the cluster, 0 for the coordinator; and whether the clicks are spread."""
_WORKERS = (
    "SELECT count(*) FROM pg_dist_node WHERE groupid > 0 AND isactive AND shouldhaveshards AND noderole = 'primary'"
)
_FOLD = (
    "CREATE OR REPLACE FUNCTION fold(TEXT) RETURNS TEXT LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE "
    "AS $fold$ BEGIN {}; END $fold$"
)
_SEE = "docs/scaling.md says how a cluster is set up."


def is_spread(session: Session) -> bool:
    """Whether the clicks are spread over a cluster. Raises Unavailable on a worker of one: only its coordinator works.

    On a server without Citus this is one look at a catalogue.
    """
    if session.rows(sql("SELECT to_regclass('pg_catalog.pg_dist_partition') IS NULL"))[0][0]:
        return False
    [[group, clicks]] = session.rows(sql(_PLACE))
    if group:
        raise Unavailable(f"This server is a worker of a Citus cluster: --database must name its coordinator. {_SEE}")
    return bool(clicks)


def count_workers(session: Session) -> int:
    """Raises Conflict where this is no coordinator of a cluster with active workers."""
    if session.rows(sql("SELECT to_regclass('pg_catalog.pg_dist_node') IS NULL"))[0][0]:
        raise Conflict(f"--citus needs a Citus cluster: this database does not have the extension. {_SEE}")
    count: int = session.rows(sql(_WORKERS))[0][0]
    if not count:
        raise Conflict(
            "--citus needs a cluster with active workers; this coordinator has none. Add each with "
            f"SELECT citus_add_node('HOST', PORT), then run this again. Nothing was changed. {_SEE}"
        )
    return count


def count_shards(session: Session) -> int:
    """How many shards the clicks have; 0 where they are not spread."""
    shards = "SELECT count(*) FROM pg_dist_shard WHERE logicalrelid = to_regclass('clicks')"
    count: int = session.rows(sql(shards))[0][0]
    return count


def distribute(session: Session, shards: int = 0) -> list[str]:
    """Spreads the tables that are not spread yet; returns their names.

    `shards` is how many the clicks get, 0 for four a worker. It stays: Conflict where they have another number.
    """
    workers, stored = count_workers(session), count_shards(session)
    if shards and stored and shards != stored:
        raise Conflict(f"The clicks are spread over {stored} shards already; --shards only counts the first time.")
    done = _list_spread(session)
    is_mended = not _share_functions(session)
    session.rows(sql(f"SET LOCAL citus.shard_count = {stored or shards or SHARDS_PER_WORKER * workers}"))
    made = [table for table in (*REFERENCE, *DISTRIBUTED) if table not in done]
    for table in made:
        if table in DISTRIBUTED:
            session.rows(sql("SELECT create_distributed_table({}, {})", table, DISTRIBUTED[table]))
        else:
            session.rows(sql("SELECT create_reference_table({})", table))
    # The coordinator's own copy of what lies on shards now takes up room, and is in the way of new months.
    for table in sorted(_list_spread(session) - (done if is_mended else set())):
        session.rows(sql("SELECT truncate_local_data_after_distributing_table({})", table))
    if made:
        session.publish()  # so that running nodes look again
    return made


def _list_spread(session: Session) -> set[str]:
    """The tables that are spread, each partition among them."""
    return {row[0] for row in session.rows(sql("SELECT logicalrelid::TEXT FROM pg_dist_partition"))}


def _share_functions(session: Session) -> bool:
    """Has every worker know the functions; False where they do. Later ones are shared as they are made.

    `fold` becomes one that no planner puts in place of its call: what Citus then sends to a worker would lack the
    collation, and a worker would not lower letters beyond ASCII. In PL/pgSQL it takes a third longer than in place.
    """
    [[body]] = session.rows(sql("SELECT pg_get_function_sqlbody('fold(text)'::regprocedure)"))
    if body is None:
        return False
    session.rows(sql(_FOLD, sql(body)))
    for function in FUNCTIONS:
        session.rows(sql("SELECT create_distributed_function({})", function))
    return True
