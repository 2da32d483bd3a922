"""The grammar of removals, and the parsed request."""

from dataclasses import replace

from clicktrail.query.fields import Resource
from clicktrail.query.grammar import Asked, Grammar, flag, whole_number
from clicktrail.query.questions import ListQuery


def removing_of(resource: Resource, most: int) -> Grammar:
    """The parameters of a removal: the filters choose the objects, `limit` is the maximum number.

    No parameter is ignored, even in a lenient request: without an ignored filter, more objects would be removed.
    """
    return Grammar(
        resource=resource,
        has_filters=True,
        own=(
            whole_number("limit", "Maximum number of objects to delete; required.", 1, most, is_required=True),
            flag("dry_run", "`1` deletes nothing. The answer shows what would be deleted."),
        ),
        is_exact=True,
    )


def read_removal(asked: Asked) -> ListQuery:
    """The objects to remove, the oldest first."""
    query = asked.listing
    sort = query.resource.sorts[query.resource.id_field.name]
    return replace(query, sort=sort, is_descending=False, limit=asked.own["limit"])
