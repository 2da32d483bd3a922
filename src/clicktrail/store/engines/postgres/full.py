"""Writes PostgreSQL's tables again, so that no page of them has the bytes of deleted and changed rows.

VACUUM alone only marks the space of such rows as free: most of their bytes stay in the pages.
"""

import psycopg
import psycopg.sql

from clicktrail.store.session.relations import RELATIONS

TABLES = tuple(
    each.table for each in RELATIONS if each.is_personal or each.table in ("deliveries", "attribution_clicks")
)
"""What may hold data of persons. Clicks include all their partitions."""


def rewrite_tables(url: str) -> None:
    """Locks one table after the other, the partitions of clicks one by one. Raises psycopg.Error."""
    with psycopg.connect(url, autocommit=True) as connection:
        for table in TABLES:
            connection.execute(psycopg.sql.SQL("VACUUM (FULL) {}").format(psycopg.sql.Identifier(table)))
        connection.execute("CHECKPOINT")
