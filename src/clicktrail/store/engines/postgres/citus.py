"""How the tables are distributed in a Citus cluster, so that each statement is routed or parallel (ADR 14).

Clicks are distributed by their id: a get, a registration and a delete touch one shard; a list asks all shards in
parallel. Visitor counts are distributed by visitor, claims of uuids by uuid. Every machine has a copy of the catalogue.
"""

from clicktrail.errors import Conflict, Unavailable
from clicktrail.store.session.protocol import Session, list_values
from clicktrail.store.session.relations import RELATIONS
from clicktrail.store.session.sql import sql
from clicktrail.store.session.transactions import Write

REFERENCE = tuple(each.table for each in RELATIONS if each.shard_column is None and not each.is_local)
"""Tables that every machine has a copy of."""
DISTRIBUTED = {each.table: each.shard_column for each in RELATIONS if each.shard_column is not None}
"""Table -> its distribution column."""
FUNCTIONS = (
    "fold(text)",
    "text_hash(text)",
    "visitor_key(text, text)",
    "divide(bigint, bigint)",
    "uri_decode(text)",
    "uri_parameter(text, text)",
    "plain_parameter(text, text, text)",
    "uri_parameter(text, text, text)",
)
SHARDS_PER_WORKER = 4
"""A batch visits most shards, so few shards make batches fast. Many shards let a cluster grow to more workers."""
MAX_SHARDS = 1_024
ONE_BY_ONE = "SET LOCAL citus.multi_shard_modify_mode = 'sequential'"
"""The transaction writes to a worker's shards one after the other, on one open connection.

By default Citus opens a connection for each shard, which takes longer than the rest of the commit.
"""
_TURN = f"SELECT pg_advisory_xact_lock({0x636C_6B03})"
BEGINNINGS = {
    Write.CHANGE: f"ISOLATION LEVEL READ COMMITTED; {{bounds}}; {_TURN}",
    Write.ALONE: f"ISOLATION LEVEL READ COMMITTED; {{bounds}}; {_TURN}; LOCK TABLE catalogue_version IN EXCLUSIVE MODE",
}
"""How writes begin that are serializable on a single server.

Each machine takes its snapshot at a different moment: one could show a registered click while another lacks its client.
So changes run one at a time, by a lock at the coordinator, and each statement sees all earlier commits.
"""
READ = "ISOLATION LEVEL READ COMMITTED READ ONLY; {bounds}"
"""How a read begins. A later statement sees at least what an earlier statement saw."""
_PLACE = (
    "SELECT (SELECT groupid FROM pg_dist_local_group), "
    "EXISTS (SELECT FROM pg_dist_partition WHERE logicalrelid = to_regclass('clicks'))"
)
"""This machine's number in the cluster (0: the coordinator), and whether the clicks are distributed."""
_WORKERS = (
    "SELECT count(*) FROM pg_dist_node WHERE groupid > 0 AND isactive AND shouldhaveshards AND noderole = 'primary'"
)
_FOLD = (
    "CREATE OR REPLACE FUNCTION fold(TEXT) RETURNS TEXT LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE "
    "AS $fold$ BEGIN {}; END $fold$"
)
_SEE = "docs/scaling.md says how a cluster is set up."


def is_spread(session: Session) -> bool:
    """Whether the clicks are distributed over a cluster. Raises Unavailable on a worker, because only the coordinator
    can serve.

    On a server without Citus it is one catalogue lookup.
    """
    if session.rows(sql("SELECT to_regclass('pg_catalog.pg_dist_partition') IS NULL"))[0][0]:
        return False
    [[group, clicks]] = session.rows(sql(_PLACE))
    if group:
        raise Unavailable(f"This server is a worker of a Citus cluster: --database must name its coordinator. {_SEE}")
    return bool(clicks)


def count_workers(session: Session) -> int:
    """Raises Conflict if this is not the coordinator of a cluster with active workers."""
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
    """Number of shards of the clicks; 0 if they are not distributed."""
    shards = "SELECT count(*) FROM pg_dist_shard WHERE logicalrelid = to_regclass('clicks')"
    count: int = session.rows(sql(shards))[0][0]
    return count


def distribute(session: Session, shards: int = 0) -> list[str]:
    """Distributes the tables that are not yet distributed; returns their names.

    `shards` is the number of shards for the clicks; 0 means four per worker. It cannot change later: another number
    raises Conflict.
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
    # The coordinator's local rows of distributed tables waste space and block new monthly partitions.
    for table in sorted(_list_spread(session) - (done if is_mended else set())):
        session.rows(sql("SELECT truncate_local_data_after_distributing_table({})", table))
    if made:
        session.publish()  # so that running nodes look again
    return made


def _list_spread(session: Session) -> set[str]:
    """The distributed tables, with their partitions."""
    return set(list_values(session, sql("SELECT logicalrelid::TEXT FROM pg_dist_partition")))


def _share_functions(session: Session) -> bool:
    """Creates the functions on every worker; returns False if they exist. Citus shares later functions itself.

    `fold` becomes PL/pgSQL, which no planner inlines. An inlined call would reach the worker without its collation, and
    letters beyond ASCII would not become lower case. PL/pgSQL takes a third longer than an inlined call.
    """
    [[body]] = session.rows(sql("SELECT pg_get_function_sqlbody('fold(text)'::regprocedure)"))
    if body is None:
        return False
    session.rows(sql(_FOLD, sql(body)))
    for function in FUNCTIONS:
        session.rows(sql("SELECT create_distributed_function({})", function))
    return True
