"""Limits of one query: the number of filters and values, and the length of searched texts."""

from collections.abc import Collection, Iterator, Mapping

from clicktrail.errors import Mistake
from clicktrail.query import kinds
from clicktrail.query.fields import Field

MAX_FILTERS = 40
"""Filters of one query. Filters on the same field with the same operator count once."""
MAX_VALUES = 1000
"""Values of one filter: enough for a page of ids."""
MAX_ALL_VALUES = 2000
"""Values of all filters of one query."""
MAX_PARTS = 20
"""Texts that `contains` and `starts` search for in one query."""
MAX_PARTS_LENGTH = 8192
"""Total characters of these texts: the length of the longest uri."""


def find_excess(filters: Mapping[tuple[Field, str], Collection[object]]) -> Iterator[Mistake]:
    """The limits that a query exceeds, from its filters' fields, operators and values."""
    if len(filters) > MAX_FILTERS:
        yield Mistake(f"has {len(filters)} filters; at most {MAX_FILTERS} can be combined", parameter="filter")
    count = sum(map(len, filters.values()))
    if count > MAX_ALL_VALUES:
        yield Mistake(f"has {count} values in all filters; at most {MAX_ALL_VALUES} are allowed", parameter="filter")
    searches = [  # country names become codes before the store is asked
        (field, operator)
        for field, operator in filters
        if operator in kinds.SEARCH and field.kind is not kinds.COUNTRY_NAME
    ]
    parts = [str(value) for search in searches for value in filters[search]]
    names = ", ".join(f"filter[{field.name}][{operator}]" for field, operator in searches)
    if len(parts) > MAX_PARTS:
        detail = f"has {len(parts)} values; contains and starts take at most {MAX_PARTS} together in one request"
        yield Mistake(detail, parameter=names)
    if sum(map(len, parts)) > MAX_PARTS_LENGTH:
        detail = f"is too long; the values of contains and starts have at most {MAX_PARTS_LENGTH} characters together"
        yield Mistake(detail, parameter=names)
