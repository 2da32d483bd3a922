"""A page in steps that an index answers each, for engines whose indexes hold one column.

Sorting ten million rows to show ten is slow, and an index on every pair of sort key and id is large. So the page is
made of at most four pieces: the rest of the value where the page before it ended; the rows of the values that fit on
the page whole; as many as are needed of the next value, in the order of their ids; and the rows without a value.
"""

from dataclasses import dataclass

from clicktrail.model.access import Viewer
from clicktrail.query.questions import ListQuery, Value
from clicktrail.store.reads.statements import direction, sort_join, where_clause
from clicktrail.store.reads.tables import SORT_EQUALS, TABLES, Table
from clicktrail.store.session.protocol import Row, Session, list_values
from clicktrail.store.session.sql import Sql, and_, join, number, sql


@dataclass(frozen=True)
class Walk:
    """One page's question, and the session that its steps are asked of."""

    session: Session
    viewer: Viewer
    query: ListQuery
    columns: Sql

    @property
    def table(self) -> Table:
        """The table of the resource."""
        return TABLES[self.query.resource.name]

    @property
    def sort(self) -> Sql:
        """The sort expression."""
        return self.table.expression(self.query.sort)

    @property
    def object_id(self) -> Sql:
        """The expression of the id."""
        return self.table.expression(self.query.resource.id_field)

    @property
    def beyond(self) -> str:
        """What compares a later row with an earlier one."""
        return "<" if self.query.is_descending else ">"

    @property
    def before(self) -> str:
        """What compares an earlier row with a later one."""
        return ">" if self.query.is_descending else "<"

    @property
    def proxy(self) -> Sql:
        """What the index holds of the sort expression."""
        return sql(self.session.dialect.proxies[self.sort.text], self.sort)

    def compare(self, operator: str, value: Value) -> Sql:
        """A comparison of the sort value, and the comparison of the indexed expression that follows from it."""
        dialect, sort = self.session.dialect, self.sort
        template, is_equal = dialect.proxies[sort.text], operator == "="
        plain = sql("{} {} {}", sort, sql(operator), value)
        if template == "{}":
            implied = [SORT_EQUALS[self.query.sort.name]] if is_equal and self.query.sort.name in SORT_EQUALS else []
            return and_(*(sql(each, value) for each in implied), plain)
        if isinstance(value, str) and len(value) < dialect.prefix:  # the index holds the whole value
            return sql("{} {} {}", self.proxy, sql(operator), value)
        weaker = sql(operator if is_equal else f"{operator}=")
        return and_(sql("{} {} {}", self.proxy, weaker, sql(template, value)), plain)

    def later_id(self, object_id: str) -> Sql:
        """The rows whose id is beyond this one."""
        return sql("{} {} {}", self.object_id, sql(self.beyond), object_id)

    def source(self, *conditions: Sql) -> Sql:
        """FROM and WHERE of a step."""
        where = where_clause(self.query, self.table, self.viewer, self.session.dialect)
        return sql("{}{} WHERE {}", self.table.source, sort_join(self.query), and_(where, *conditions))

    def ask(self, source: Sql, limit: int, *order: Sql) -> list[Row]:
        """Rows with their sort value and id at the end."""
        way = direction(self.query)
        orders = join(", ", [sql("{} {}", each, way) for each in (*order, self.object_id)])
        shown = (self.columns, self.sort, self.object_id)
        return self.session.rows(
            sql("SELECT {}, {}, {} FROM {} ORDER BY {} LIMIT {}", *shown, source, orders, number(limit))
        )


def list_in_steps(walk: Walk) -> list[Row]:
    """The rows of the page, and one more if there are more."""
    query = walk.query
    needed = query.offset + query.limit + 1
    rows: list[Row] = []
    after = query.after
    if after is not None and after.value is not None:
        same = walk.source(walk.compare("=", after.value), walk.later_id(after.object_id))
        rows = walk.ask(same, needed)
    if len(rows) < needed and (after is None or after.value is not None):
        rows += _later_values(walk, after.value if after is not None else None, needed - len(rows))
    if len(rows) < needed:
        later = [walk.later_id(after.object_id)] if after is not None and after.value is None else []
        rows += walk.ask(walk.source(sql("{} IS NULL", walk.sort), *later), needed - len(rows))
    return rows[query.offset :]


def _later_values(walk: Walk, last: Value, needed: int) -> list[Row]:
    """Rows of the values beyond `last`: first rows of the values that fit whole, then of the value at the border."""
    border = _find_border(walk, last, needed)
    if border is None:
        return []
    beyond = [walk.compare(walk.beyond, last)] if last is not None else []
    rows = walk.ask(walk.source(walk.compare(walk.before, border), *beyond), needed, walk.sort)
    if len(rows) < needed:
        rows += walk.ask(walk.source(walk.compare("=", border)), needed - len(rows))
    return rows


def _find_border(walk: Walk, last: Value, needed: int) -> Value:
    """The value that so many rows do not go beyond; None where there are no rows.

    The index may hold a part of each value. Any rows will do that are at least so many: which they are decides about
    the time that the next steps take, never about what they find.
    """
    beyond = [walk.compare(walk.beyond, last)] if last is not None else []
    source = walk.source(sql("{} IS NOT NULL", walk.proxy), *beyond)
    order = sql("{} {}", walk.proxy, direction(walk.query))
    found = sql("SELECT {} FROM {} ORDER BY {} LIMIT {}", walk.sort, source, order, number(needed))
    values = list_values(walk.session, found)
    if not values:
        return None
    border: Value = min(values) if walk.query.is_descending else max(values)
    return border
