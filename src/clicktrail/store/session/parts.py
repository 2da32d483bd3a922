"""The orders of clicks in parts, and how many clicks the embedded store has in each (ADR 52).

A page far behind is found by counting parts. `click_parts` has the clicks that are in the daily totals, and is changed
by the same transactions. Its rows are only added; from time to time they are added up.
"""

from collections.abc import Mapping
from typing import NamedTuple

from clicktrail.store.session.finding import SECOND_OF_ID
from clicktrail.store.session.protocol import Row, Session
from clicktrail.store.session.sql import Sql, number, sql


class Part(NamedTuple):
    """How an order of clicks is cut into parts: by the upper bits of `column`, which is a whole number."""

    column: str
    bits: int
    """Lower bits that a part leaves out."""

    @property
    def expression(self) -> str:
        return f"({self.column} >> {self.bits})"

    def between(self, first: int, last: int) -> Sql:
        """The clicks in parts from `first` to `last`."""
        bounds = number(first << self.bits), number(((last + 1) << self.bits) - 1)
        return sql(f"{self.column} >= {{}} AND {self.column} <= {{}}", *bounds)


ORDERS: Mapping[str, Part] = {"time": Part("c.time", 34), "click_id": Part("c.created_s", 14)}
"""Name of an order -> its parts: of some five hours."""
_FIELDS = "order_name, part, clicks"
_COUNTS = {
    name: f"SELECT '{name}' AS order_name, {each.expression}::BIGINT AS part, {{}}count(*) AS clicks FROM clicks c "
    "WHERE {} GROUP BY 2"
    for name, each in ORDERS.items()
}
_BOTH = " UNION ALL ".join(_COUNTS.values())
_ADD = f"INSERT INTO click_parts ({_FIELDS}) {_BOTH}"
_FILL = _ADD.replace("{}count", "count").replace("{}", "c.is_totalled").replace("c.created_s", SECOND_OF_ID)
"""The seconds of old ids are filled later."""
STATEMENTS = (
    "CREATE TABLE click_parts (order_name TEXT NOT NULL, part BIGINT NOT NULL, clicks BIGINT NOT NULL)",
    _FILL,
)
"""The table, and its rows of old clicks."""
_NOW = (
    f"SELECT part, sum(clicks)::BIGINT FROM (SELECT {_FIELDS} FROM click_parts WHERE order_name = '{{name}}' "
    "UNION ALL {pending}) p GROUP BY part HAVING sum(clicks) <> 0 ORDER BY part"
)
_PENDING = "c.is_totalled IS NULL"
_CROWDED = "SELECT order_name, part FROM click_parts GROUP BY ALL HAVING count(*) > 1"
_SUM = (
    "CREATE OR REPLACE TEMP TABLE summed_parts AS SELECT order_name, part, sum(clicks)::BIGINT AS clicks "
    f"FROM click_parts JOIN ({_CROWDED}) k USING (order_name, part) GROUP BY ALL"
)
_DELETE = (
    "DELETE FROM click_parts AS p WHERE EXISTS "
    "(SELECT 1 FROM summed_parts s WHERE s.order_name = p.order_name AND s.part = p.part)"
)
_PUT = f"INSERT INTO click_parts ({_FIELDS}) SELECT {_FIELDS} FROM summed_parts WHERE clicks <> 0"


def add_parts(session: Session, its: Sql) -> None:
    """Called before the clicks `c` that `its` finds are marked as being in the totals."""
    session.rows(sql(_ADD, Sql(""), its, Sql(""), its))
    for statement in (_SUM, _DELETE, _PUT, "DROP TABLE summed_parts"):
        session.rows(Sql(statement))


def remove_parts(session: Session, its: Sql) -> None:
    """Called before the clicks `c` that `its` finds are deleted. Clicks that are not in the totals are not there."""
    if session.dialect.is_owned:
        those = sql("{} AND c.is_totalled", its)
        session.rows(sql(_ADD, Sql("-"), those, Sql("-"), those))


def list_parts(session: Session, order: str, is_descending: bool) -> list[Row]:
    """The parts that have clicks, in their order, each with its number of clicks."""
    pending = sql(_COUNTS[order], Sql(""), Sql(_PENDING)).text
    found = session.rows(Sql(_NOW.format(name=order, pending=pending)))
    return found[::-1] if is_descending else found


def recount_parts(session: Session) -> None:
    session.rows(sql("DELETE FROM click_parts"))
    session.rows(Sql(_FILL))


def find_wrong_parts(session: Session) -> dict[str, int]:
    """Name of an order -> how many parts have other numbers of clicks than a recount gives."""
    if not session.dialect.is_owned:
        return {}
    pairs = ((order, list_parts(session, order, is_descending=False), count_parts(session, order)) for order in ORDERS)
    found = {order: len({part for part, _ in {*there} ^ {*counted}}) for order, there, counted in pairs}
    return {order: count for order, count in found.items() if count}


def count_parts(session: Session, order: str) -> list[Row]:
    """What `list_parts` must give, by a recount of the clicks."""
    return session.rows(sql("SELECT part, clicks FROM ({}) p ORDER BY 1", sql(_COUNTS[order], Sql(""), Sql("TRUE"))))
