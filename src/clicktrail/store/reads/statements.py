"""Builds the statements of every list, count and get from a ListQuery and the field table."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from clicktrail.model.access import Viewer
from clicktrail.query.fields import Source
from clicktrail.query.parse import MAX_LIMIT
from clicktrail.query.questions import Condition, Cursor, ListQuery
from clicktrail.store.reads.tables import SORT_JOINS, TABLES, THROUGH, Table, visible
from clicktrail.store.session import search
from clicktrail.store.session.hashes import text_hash
from clicktrail.store.session.protocol import Dialect, Params

_PREDICATES: Mapping[str, str] = {
    "gt": "{column} > {value}",
    "gte": "{column} >= {value}",
    "lt": "{column} < {value}",
    "lte": "{column} <= {value}",
}


@dataclass(frozen=True)
class Statement:
    """SQL text and the values of its placeholders."""

    sql: str
    params: Params


def list_statement(query: ListQuery, viewer: Viewer, columns: Callable[[Table], str], dialect: Dialect) -> Statement:
    """One page: the columns asked for, the sort value (NULL where the id is the order), the id; and one row more.

    Where other tables are looked at, or many rows are passed over, the rows of the page are found first and their
    columns read after: an engine that joins or sorts whole rows would read ten million of them.
    """
    table, params = TABLES[query.resource.name], Params()
    sort, object_id = table.expression(query.sort), table.expression(query.resource.id_field)
    where = where_clause(query, table, viewer, params, dialect)
    order, sort_value = order_clause(query), "NULL" if sort == object_id else sort
    where += _after(query, sort, object_id, params)
    source = f"{table.name} {table.alias}{table.joins}{sort_join(query)}"
    limit = f" LIMIT {query.limit + 1}" + (f" OFFSET {params.add(query.offset)}" if query.offset else "")
    found = f"{columns(table)}, {sort_value}, {object_id} FROM {source}"
    if dialect.row_id is None or not (_is_joined(query, viewer) or query.offset > MAX_LIMIT):
        return Statement(f"SELECT {found} WHERE {where} ORDER BY {order}{limit}", params)
    row_id = f"{table.alias}.{dialect.row_id}"
    rows = f"SELECT {row_id} FROM {source} WHERE {where} ORDER BY {order}{limit}"
    return Statement(f"SELECT {found} WHERE {row_id} IN ({rows}) ORDER BY {order}", params)


def order_clause(query: ListQuery) -> str:
    """What the rows are ordered by: a total order, nulls last."""
    table = TABLES[query.resource.name]
    sort, object_id = table.expression(query.sort), table.expression(query.resource.id_field)
    direction = "DESC" if query.is_descending else "ASC"
    if sort == object_id or has_one_sort_value(query):
        return f"{object_id} {direction}"
    return f"{sort} {direction} NULLS LAST, {object_id} {direction}"


def _is_joined(query: ListQuery, viewer: Viewer) -> bool:
    """Whether rows of other tables decide about the page."""
    is_reached = any(condition.field.source is not Source.OWN for condition in query.conditions)
    return is_reached or bool(sort_join(query)) or viewer.partner_id is not None


def count_statement(query: ListQuery, viewer: Viewer, dialect: Dialect) -> Statement:
    """How many objects the whole list has, cursor and offset aside."""
    table, params = TABLES[query.resource.name], Params()
    where = where_clause(query, table, viewer, params, dialect)
    return Statement(f"SELECT count(*) FROM {table.name} {table.alias}{table.joins} WHERE {where}", params)


def sort_join(query: ListQuery) -> str:
    """The join that the sort key needs."""
    return SORT_JOINS.get(query.sort.name, "") if query.resource.name == "click" else ""


def where_clause(query: ListQuery, table: Table, viewer: Viewer, params: Params, dialect: Dialect) -> str:
    """What the viewer may see, and what the filters let through."""
    parts = [visible(table, viewer, params)]
    parts += [_predicate(condition, table, params, dialect) for condition in query.conditions]
    return " AND ".join(parts)


def _predicate(condition: Condition, table: Table, params: Params, dialect: Dialect) -> str:
    """A filter as SQL. Negation is the exact complement: what is null, or reached by nobody, does not equal."""
    if set(condition.values) == {True, False} and condition.operator == "null":
        return "TRUE"
    source = condition.field.source
    if condition.operator in ("reached", "unreached"):  # by ids that `store.reads.resolve` has found
        sql, is_negated = _among(THROUGH[source].column, condition, params), condition.operator == "unreached"
    elif condition.operator == "stored":
        part = dialect.proxies[table.expression(condition.field)].format(table.expression(condition.field))
        sql, is_negated = _among(part, condition, params), False
    else:
        positive, is_negated = positive_part(condition, params, dialect)
        if source is Source.OWN:
            own = positive.replace("{column}", table.expression(condition.field))
            sql = _narrowed(condition, table, params, dialect) + own
        else:
            way = THROUGH[source]
            found = way.found.replace("{condition}", positive.replace("{column}", f"s.{condition.field.column}"))
            sql = f"{way.column} IN ({found})"
    return f"({sql}) IS NOT TRUE" if is_negated else f"({sql})"


def positive_part(condition: Condition, params: Params, dialect: Dialect) -> tuple[str, bool]:
    """What `{column}` is compared with, and whether what passes is what this leaves out."""
    if condition.operator == "null":
        return "{column} IS NOT NULL", True in condition.values
    return _positive(condition, params, dialect), condition.operator in ("ne", "outside")


def _among(column: str, condition: Condition, params: Params) -> str:
    return f"{column} = ANY({params.add(list(condition.values))}::TEXT[])"


def _narrowed(condition: Condition, table: Table, params: Params, dialect: Dialect) -> str:
    """What an equality implies and the engine finds faster: the hash of its text, or what the dialect has for it."""
    if condition.operator not in ("eq", "in") or not condition.values:
        return ""
    column = table.hashes.get(condition.field.name)
    if column is not None:
        return f"{column} IN ({params.add_all(text_hash(str(value)) for value in condition.values)}) AND "
    expression = table.expression(condition.field)
    proxy = dialect.proxies.get(expression, "{}")
    if proxy == "{}":
        return ""
    values = ", ".join(proxy.format(params.add(value)) for value in condition.values)
    return f"{proxy.format(expression)} IN ({values}) AND "


def _positive(condition: Condition, params: Params, dialect: Dialect) -> str:
    if not condition.values:
        return "FALSE"
    if condition.operator in search.OPERATORS:
        parts = list(dict.fromkeys(map(str, condition.values)))
        if len(parts) == 1:
            return search.find_one(condition.operator, parts[0], params)
        return dialect.find_any(condition.operator, parts, params)
    if condition.operator in ("eq", "ne", "in"):
        if len(condition.values) == 1:
            return f"{{column}} = {params.add(condition.values[0])}"
        return f"{{column}} IN ({params.add_all(condition.values)})"
    if condition.operator in ("within", "outside"):
        pairs = [value for value in condition.values if isinstance(value, tuple)]
        return " OR ".join(f"{{column}} BETWEEN {params.add(low)} AND {params.add(high)}" for low, high in pairs)
    template = _PREDICATES[condition.operator]
    return " OR ".join(template.replace("{value}", params.add(value)) for value in condition.values)


def _after(query: ListQuery, sort: str, object_id: str, params: Params) -> str:
    """The rows behind the cursor, in the order `sort … NULLS LAST, id`."""
    if query.after is None:
        return ""
    cursor: Cursor = query.after
    beyond = "<" if query.is_descending else ">"
    last = params.add(cursor.object_id)
    if sort == object_id:
        return f" AND {object_id} {beyond} {last}"
    if cursor.value is None:
        return f" AND {sort} IS NULL AND {object_id} {beyond} {last}"
    value = params.add(cursor.value)
    return f" AND ({sort} {beyond} {value} OR {sort} IS NULL OR ({sort} = {value} AND {object_id} {beyond} {last}))"


def has_one_sort_value(query: ListQuery) -> bool:
    """Whether all rows asked for have the same sort value, or none: then their order is that of their ids."""
    return any(
        condition.field is query.sort
        and ((condition.operator, condition.values) == ("null", (True,)) or _is_one_value(condition))
        for condition in query.conditions
    )


def _is_one_value(condition: Condition) -> bool:
    return condition.operator == "eq" and len(condition.values) == 1


def groups_statement(query: ListQuery, viewer: Viewer, dialect: Dialect) -> Statement:
    """The sort values from which the page is made, in their order, each with its number of rows; nulls left out."""
    table, params = TABLES[query.resource.name], Params()
    sort, object_id = table.expression(query.sort), table.expression(query.resource.id_field)
    where = where_clause(query, table, viewer, params, dialect) + _after(query, sort, object_id, params)
    direction = "DESC" if query.is_descending else "ASC"
    sql = (
        f"SELECT {sort}, count(*) FROM {table.name} {table.alias} WHERE {where} AND {sort} IS NOT NULL "
        f"GROUP BY {sort} ORDER BY {sort} {direction} LIMIT {query.limit + query.offset + 1}"
    )
    return Statement(sql, params)
