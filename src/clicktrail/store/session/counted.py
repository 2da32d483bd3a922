"""Which clicks count, for which visit, and what is counted, as SQL over the clicks `c`."""

from clicktrail.model.times import DAY_US

IS_COUNTED = "(c.bot = '' OR c.bot IS NULL)"
"""Robots' clicks are stored and marked, but not counted. Clients that they brought are counted."""
DAY_SQL = f"(c.time - ((c.time % {DAY_US}) + {DAY_US}) % {DAY_US})"
"""The first microsecond of a click's UTC day (`model.visitors.day_of`)."""
LINK_SQL = "coalesce(c.link_id, '')"
KIND_SQL = f"CASE WHEN {IS_COUNTED} THEN ' p' ELSE ' r' END"
VISITOR_SQL = f"c.ip || ' ' || {DAY_SQL}::TEXT || coalesce(' ' || c.user_agent, '')"
"""The text of which `model.visitors.visitor_of` is a hash. `model.visitors.visit_key` is its exclusive or with the hash
of `LINK_SQL` and `KIND_SQL`."""
VISITOR_KEY = f"visitor_hash({VISITOR_SQL})"
"""`model.visitors.visitor_of` on the embedded store."""
IS_COMPUTED = "(c.visitor IS NULL OR length(c.ip) IN (9, 33) AND (c.user_agent IS NOT NULL OR c.bot IS NULL))"
"""Whether the key of a click's visitor is computed and not read (`model.visitors.day_visitor`)."""
FIGURES = (
    f"count(*) FILTER (WHERE {IS_COUNTED}), count(*) FILTER (WHERE c.is_first), count(c.profile_id), "
    f"min(c.time) FILTER (WHERE {IS_COUNTED}), max(c.time) FILTER (WHERE {IS_COUNTED})"
)
"""The figures of clicks, in the order of `LinkMetrics`."""
