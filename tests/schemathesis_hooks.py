"""What the fuzzer has to be told: an empty value in a query string is as good as none, whatever its schema says."""

from typing import Any

import schemathesis
from schemathesis import Case, HookContext

_EMPTY: tuple[Any, ...] = ("", [], {}, [""])
"""What is sent as nothing behind the `=`."""


@schemathesis.hook
def filter_case(context: HookContext, case: "Case[Any]") -> bool:
    """Leaves out requests that only look wrong."""
    del context
    query = case.query or {}
    # That it needs at least one filter, whichever, is said in words alone: a list of parameters cannot say so.
    is_unbounded = (
        case.method == "DELETE" and case.path == "/clicks" and not any(name.startswith("filter") for name in query)
    )
    # So is that a grain needs the dimension `time`.
    is_without_time = "grain" in query and "time" not in str(query.get("group_by", "")).split(",")
    # `GET /welcome` is a page of the dashboard, which the document leaves out.
    is_page = case.path == "/welcome" and case.method != "POST"
    return not (is_unbounded or is_without_time or is_page) and not any(value in _EMPTY for value in query.values())
