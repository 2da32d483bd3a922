"""Builds the statements of every list, count and get from a ListQuery and the field table."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from clicktrail.model.access import Viewer
from clicktrail.query.fields import Source
from clicktrail.query.questions import Condition, Cursor, ListQuery
from clicktrail.store.engine import Params
from clicktrail.store.tables import SORT_JOINS, TABLES, THROUGH, Table, visible

_PREDICATES: Mapping[str, str] = {
    "contains": "strpos(lower({column}), lower({value})) > 0",
    "starts": "starts_with(lower({column}), lower({value}))",
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


def list_statement(query: ListQuery, viewer: Viewer, columns: Callable[[Table], str]) -> Statement:
    """One page: the columns asked for, the sort value (NULL where the id is the order), the id; and one row more."""
    table, params = TABLES[query.resource.name], Params()
    sort, object_id = table.expression(query.sort), table.expression(query.resource.id_field)
    where = _where(query, table, viewer, params)
    direction = "DESC" if query.is_descending else "ASC"
    order, sort_value = f"{object_id} {direction}", "NULL"
    if sort != object_id:
        sort_value = sort
        order = f"{sort} {direction} NULLS LAST, {order}"
        where += _after(query, sort, object_id, params)
    elif query.after is not None:
        where += f" AND {object_id} {'<' if query.is_descending else '>'} {params.add(query.after.object_id)}"
    sql = (
        f"SELECT {columns(table)}, {sort_value}, {object_id} FROM {table.name} {table.alias}{table.joins}"
        f"{_sort_join(query)} WHERE {where} ORDER BY {order} LIMIT {query.limit + 1}"
    )
    if query.offset:
        sql += f" OFFSET {params.add(query.offset)}"
    return Statement(sql, params)


def count_statement(query: ListQuery, viewer: Viewer) -> Statement:
    """How many objects the whole list has, cursor and offset aside."""
    table, params = TABLES[query.resource.name], Params()
    where = _where(query, table, viewer, params)
    return Statement(f"SELECT count(*) FROM {table.name} {table.alias}{table.joins} WHERE {where}", params)


def _sort_join(query: ListQuery) -> str:
    return SORT_JOINS.get(query.sort.name, "") if query.resource.name == "click" else ""


def _where(query: ListQuery, table: Table, viewer: Viewer, params: Params) -> str:
    parts = [visible(table, viewer, params)]
    parts += [_predicate(condition, table, params) for condition in query.conditions]
    return " AND ".join(parts)


def _predicate(condition: Condition, table: Table, params: Params) -> str:
    """A filter as SQL. Negation is the exact complement: what is null, or reached by nobody, does not equal."""
    if condition.operator == "null":
        answers = set(condition.values)
        if len(answers) == 2:
            return "TRUE"
        positive, is_negated = "{column} IS NOT NULL", True in answers
    else:
        positive, is_negated = _positive(condition, params), condition.operator == "ne"
    source = condition.field.source
    if source is Source.OWN:
        sql = positive.replace("{column}", table.expression(condition.field))
    else:
        sql = THROUGH[source].replace("{condition}", positive.replace("{column}", f"s.{condition.field.column}"))
    return f"({sql}) IS NOT TRUE" if is_negated else f"({sql})"


def _positive(condition: Condition, params: Params) -> str:
    if not condition.values:
        return "FALSE"
    if condition.operator in ("eq", "ne", "in"):
        if len(condition.values) == 1:
            return f"{{column}} = {params.add(condition.values[0])}"
        return f"{{column}} IN ({params.add_all(condition.values)})"
    if condition.operator == "within":
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
    if cursor.value is None:
        return f" AND {sort} IS NULL AND {object_id} {beyond} {last}"
    value = params.add(cursor.value)
    return f" AND ({sort} {beyond} {value} OR {sort} IS NULL OR ({sort} = {value} AND {object_id} {beyond} {last}))"
