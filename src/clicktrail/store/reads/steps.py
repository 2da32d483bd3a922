"""A page in steps that an index answers each, for engines whose indexes hold one column.

Sorting ten million rows to show ten is slow, and an index on every pair of sort key and id is large. So the page is
made of at most four pieces: the rest of the value where the page before it ended; the rows of the values that fit on
the page whole; as many as are needed of the next value, in the order of their ids; and the rows without a value.
"""

from collections.abc import Callable
from dataclasses import dataclass

from clicktrail.model.access import Viewer
from clicktrail.query.questions import ListQuery, Value
from clicktrail.store.reads.statements import sort_join, where_clause
from clicktrail.store.reads.tables import SORT_EQUALS, TABLES, Table
from clicktrail.store.session.protocol import Params, Row, Session


@dataclass(frozen=True)
class Walk:
    """One page's question, and the session that its steps are asked of."""

    session: Session
    viewer: Viewer
    query: ListQuery
    columns: Callable[[Table], str]

    @property
    def table(self) -> Table:
        """The table of the resource."""
        return TABLES[self.query.resource.name]

    @property
    def sort(self) -> str:
        """The sort expression."""
        return self.table.expression(self.query.sort)

    @property
    def object_id(self) -> str:
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

    def compare(self, operator: str, value: Value, params: Params) -> str:
        """A comparison of the sort value, with what it implies of the indexed expression."""
        dialect = self.session.dialect
        proxy = dialect.proxies[self.sort]
        if proxy != "{}" and isinstance(value, str) and len(value) < dialect.prefix:
            return f"{proxy.format(self.sort)} {operator} {params.add(value)}"  # the index holds the whole value
        plain = f"{self.sort} {operator} {params.add(value)}"
        if proxy == "{}":
            implied = SORT_EQUALS.get(self.query.sort.name, "") if operator == "=" else ""
            return (implied.format(value=params.add(value)) if implied else "") + plain
        implied = operator if operator == "=" else f"{operator}="
        return f"{proxy.format(self.sort)} {implied} {proxy.format(params.add(value))} AND {plain}"

    def source(self, params: Params) -> str:
        """FROM and WHERE of every step."""
        table = self.table
        where = where_clause(self.query, table, self.viewer, params, self.session.dialect)
        return f"FROM {table.name} {table.alias}{table.joins}{sort_join(self.query)} WHERE {where}"

    def ask(self, params: Params, source: str, order: str, limit: int) -> list[Row]:
        """Rows with their sort value and id at the end."""
        direction = "DESC" if self.query.is_descending else "ASC"
        orders = ", ".join(f"{each} {direction}" for each in (order, self.object_id) if each)
        found = f"{self.columns(self.table)}, {self.sort}, {self.object_id} {source}"
        return self.session.rows(f"SELECT {found} ORDER BY {orders} LIMIT {limit}", params)


def is_stepwise(session: Session, query: ListQuery) -> bool:
    """Whether the sort key has an index on this engine and the page is not far in by offset."""
    return TABLES[query.resource.name].expression(query.sort) in session.dialect.proxies and query.offset <= query.limit


def list_in_steps(walk: Walk) -> list[Row]:
    """The rows of the page, and one more if there are more."""
    query = walk.query
    needed = query.offset + query.limit + 1
    rows: list[Row] = []
    after = query.after
    if after is not None and after.value is not None:
        params = Params()
        source = f"{walk.source(params)} AND {walk.compare('=', after.value, params)}"
        rows = walk.ask(
            params, f"{source} AND {walk.object_id} {walk.beyond} {params.add(after.object_id)}", "", needed
        )
    if len(rows) < needed and (after is None or after.value is not None):
        rows += _later_values(walk, after.value if after is not None else None, needed - len(rows))
    if len(rows) < needed:
        params = Params()
        source = f"{walk.source(params)} AND {walk.sort} IS NULL"
        if after is not None and after.value is None:
            source += f" AND {walk.object_id} {walk.beyond} {params.add(after.object_id)}"
        rows += walk.ask(params, source, "", needed - len(rows))
    return rows[query.offset :]


def _later_values(walk: Walk, last: Value, needed: int) -> list[Row]:
    """Rows of the values beyond `last`: first those of the values that fit whole, then of the value at the border."""
    border = _find_border(walk, last, needed)
    if border is None:
        return []
    params = Params()
    source = f"{walk.source(params)} AND {walk.compare(walk.before, border, params)}"
    if last is not None:
        source += f" AND {walk.compare(walk.beyond, last, params)}"
    rows = walk.ask(params, source, walk.sort, needed)
    if len(rows) < needed:
        params = Params()
        rows += walk.ask(
            params, f"{walk.source(params)} AND {walk.compare('=', border, params)}", "", needed - len(rows)
        )
    return rows


def _find_border(walk: Walk, last: Value, needed: int) -> Value:
    """The value that so many rows do not go beyond; None where there are no rows.

    The index may hold a part of each value. Any rows will do that are at least so many: which they are decides about
    the time that the next steps take, never about what they find.
    """
    params = Params()
    proxy = walk.session.dialect.proxies[walk.sort].format(walk.sort)
    source = f"{walk.source(params)} AND {proxy} IS NOT NULL"
    if last is not None:
        source += f" AND {walk.compare(walk.beyond, last, params)}"
    direction = "DESC" if walk.query.is_descending else "ASC"
    rows = walk.session.rows(f"SELECT {walk.sort} {source} ORDER BY {proxy} {direction} LIMIT {needed}", params)
    values = [row[0] for row in rows]
    if not values:
        return None
    border: Value = min(values) if walk.query.is_descending else max(values)
    return border
