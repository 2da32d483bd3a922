"""Builds the statements of every list, count and get from a ListQuery and the field table."""

from collections.abc import Mapping

from clicktrail.model.access import Viewer
from clicktrail.model.click import Click
from clicktrail.query.questions import Condition, ListQuery
from clicktrail.store.reads.plan import has_one_sort_value, plan_statement
from clicktrail.store.reads.tables import PARTS, SORT_JOINS, TABLES, THROUGH, Table
from clicktrail.store.reads.visibility import visible
from clicktrail.store.session import search
from clicktrail.store.session.hashes import text_hash
from clicktrail.store.session.parts import ORDERS
from clicktrail.store.session.protocol import Dialect
from clicktrail.store.session.sql import Sql, and_, in_, join, names, number, or_, sql

_COMPARISONS: Mapping[str, str] = {"gt": "{} > {}", "gte": "{} >= {}", "lt": "{} < {}", "lte": "{} <= {}"}


COLUMNS = Click.__struct_fields__
CLICK_SQL = names(COLUMNS, of="c")
"""A click's columns, in the order of `Click`."""


def list_statement(
    query: ListQuery,
    viewer: Viewer,
    columns: Sql,
    dialect: Dialect,
    rows_first: bool | None = None,
    source: Sql | None = None,
    within: Sql | None = None,
) -> Sql:
    """One page: the columns asked for, the sort value (NULL where the id is the order), the id; and one row more.

    `rows_first` is as in `plan.OneStatement`, which also decides where it is not given. `source` stands in place of the
    table, with its alias (`as_of`). `within`: the part of the order in which the page lies.
    """
    if source is not None:  # it has no row numbers
        rows_first = False
    elif rows_first is None:
        rows_first = plan_statement(query, viewer, dialect).rows_first
    table = TABLES[query.resource.name]
    sort, object_id = table.expression(query.sort), table.expression(query.resource.id_field)
    source = sql("{}{}", source or table.source, sort_join(query))
    where = and_(*filter(None, [within]), where_clause(query, table, viewer, dialect), *_after(query, sort, object_id))
    order, limit = order_clause(query), number(query.limit + 1)
    if query.offset:
        limit = sql("{} OFFSET {}", limit, query.offset)
    shown = (columns, sql("NULL") if sort == object_id else sort, object_id)
    if dialect.row_id is None or not rows_first:
        page = "SELECT {}, {}, {} FROM {} WHERE {} ORDER BY {} LIMIT {}"
        return sql(page, *shown, source, where, order, limit)
    row_id = table.column(dialect.row_id)
    rows = sql("SELECT {} FROM {} WHERE {} ORDER BY {} LIMIT {}", row_id, source, where, order, limit)
    page = "SELECT {}, {}, {} FROM {} WHERE {} IN ({}) ORDER BY {}"
    return sql(page, *shown, source, row_id, rows, order)


def direction(query: ListQuery) -> Sql:
    """`ASC` or `DESC`."""
    return sql("DESC" if query.is_descending else "ASC")


def order_clause(query: ListQuery) -> Sql:
    """What the rows are ordered by: a total order, nulls last."""
    table, way = TABLES[query.resource.name], direction(query)
    sort, object_id = table.expression(query.sort), table.expression(query.resource.id_field)
    if sort == object_id or has_one_sort_value(query):
        return sql("{} {}", object_id, way)
    return sql("{} {} NULLS LAST, {} {}", sort, way, object_id, way)


def count_statement(query: ListQuery, viewer: Viewer, dialect: Dialect, source: Sql | None = None) -> Sql:
    """How many objects the whole list has, cursor and offset aside."""
    table = TABLES[query.resource.name]
    return sql("SELECT count(*) FROM {} WHERE {}", source or table.source, where_clause(query, table, viewer, dialect))


def sort_join(query: ListQuery) -> Sql:
    """The join that the sort key needs."""
    return sql(SORT_JOINS.get(query.sort.name, "") if query.resource.name == "click" else "")


def where_clause(query: ListQuery, table: Table, viewer: Viewer, dialect: Dialect) -> Sql:
    """What the viewer may see, and what the filters let through."""
    return and_(
        visible(table, viewer), *(_predicate(condition, table, viewer, dialect) for condition in query.conditions)
    )


def _predicate(condition: Condition, table: Table, viewer: Viewer, dialect: Dialect) -> Sql:
    """A filter as SQL. Negation is the exact complement: what is null, or not reached, does not equal."""
    if set(condition.values) == {True, False} and condition.operator == "null":
        return sql("TRUE")
    way = THROUGH.get(condition.field.source)
    if way is not None and condition.operator in ("reached", "unreached"):  # by ids that `store.reads.resolve` found
        found, is_negated = _among(way.column, condition), condition.operator == "unreached"
    elif condition.operator == "stored":
        expression = table.expression(condition.field)
        found, is_negated = _among(sql(dialect.proxies[expression.text], expression), condition), False
    elif way is None:
        found, is_negated = positive_part(condition, table.expression(condition.field), dialect)
        found = and_(*_narrowed(condition, table, dialect), found)
    else:
        found, is_negated = positive_part(condition, way.value(condition.field), dialect)
        found = sql("{} IN ({})", way.column, way.find(found, viewer))
    return sql("({}) IS NOT TRUE" if is_negated else "({})", found)


def positive_part(condition: Condition, column: Sql, dialect: Dialect) -> tuple[Sql, bool]:
    """What the column is compared with, and whether what passes is what this leaves out."""
    if condition.operator == "null":
        return sql("{} IS NOT NULL", column), True in condition.values
    return _positive(condition, column, dialect), condition.operator in ("ne", "outside")


def _among(column: Sql, condition: Condition) -> Sql:
    return sql("{} = ANY({}::TEXT[])", column, list(condition.values))


def _narrowed(condition: Condition, table: Table, dialect: Dialect) -> list[Sql]:
    """What an equality implies and the engine finds faster: the hash of its text, or what the dialect has for it."""
    if condition.operator not in ("eq", "in") or not condition.values:
        return []
    column = table.hashes.get(condition.field.name)
    if column is not None:
        return [in_(sql(column), (text_hash(str(value)) for value in condition.values))]
    expression = table.expression(condition.field)
    proxy = dialect.proxies.get(expression.text, "{}")
    if proxy == "{}":
        return []
    return [sql("{} IN ({})", sql(proxy, expression), join(", ", [sql(proxy, value) for value in condition.values]))]


def _positive(condition: Condition, column: Sql, dialect: Dialect) -> Sql:
    values = condition.values
    if not values:
        return sql("FALSE")
    if condition.operator in search.OPERATORS:
        parts = list(dict.fromkeys(map(str, values)))
        if len(parts) == 1:
            return search.find_one(condition.operator, column, parts[0])
        return dialect.find_any(condition.operator, column, parts)
    if condition.operator in ("eq", "ne", "in"):
        return sql("{} = {}", column, values[0]) if len(values) == 1 else in_(column, values)
    if condition.operator in ("within", "outside"):
        return or_(sql("{} BETWEEN {} AND {}", column, *value) for value in values if isinstance(value, tuple))
    return or_(sql(_COMPARISONS[condition.operator], column, value) for value in values)


def _after(query: ListQuery, sort: Sql, object_id: Sql) -> list[Sql]:
    """The rows behind the cursor, in the order `sort … NULLS LAST, id`."""
    if query.after is None:
        return []
    beyond, value = sql("<" if query.is_descending else ">"), query.after.value
    later_id = sql("{} {} {}", object_id, beyond, query.after.object_id)
    if sort == object_id:
        return [later_id]
    if value is None:
        return [sql("{} IS NULL", sort), later_id]
    ties = sql("({} = {} AND {})", sort, value, later_id)
    return [or_((sql("{} {} {}", sort, beyond, value), sql("{} IS NULL", sort), ties))]


def groups_statement(query: ListQuery, viewer: Viewer, dialect: Dialect) -> Sql:
    """The sort values from which the page is made, in their order, each with its number of rows; nulls left out.

    A scan of one column: no index serves it, and DuckDB counts ten million values in a fraction of sorting them.
    """
    table = TABLES[query.resource.name]
    sort, object_id = table.expression(query.sort), table.expression(query.resource.id_field)
    where = and_(where_clause(query, table, viewer, dialect), *_after(query, sort, object_id))
    most = number(query.limit + query.offset + 1)
    return sql(
        "SELECT {}, count(*) FROM {} WHERE {} AND {} IS NOT NULL GROUP BY {} ORDER BY {} {} LIMIT {}",
        *(sort, table.source, where, sort, sort, sort, direction(query), most),
    )


def parts_statement(query: ListQuery, viewer: Viewer, dialect: Dialect) -> Sql:
    """The parts of the order, in its direction, each with its number of clicks: a scan of one column."""
    table = TABLES[query.resource.name]
    sort, object_id = table.expression(query.sort), table.expression(query.resource.id_field)
    where = and_(where_clause(query, table, viewer, dialect), *_after(query, sort, object_id))
    part = sql(ORDERS[PARTS[query.sort.column]].expression)
    counts = "SELECT {}, count(*) FROM {} WHERE {} GROUP BY 1 ORDER BY 1 {}"
    return sql(counts, part, table.source, where, direction(query))
