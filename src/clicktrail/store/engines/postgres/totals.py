"""PostgreSQL's indexes for daily totals, and for the reports that count clicks."""

from clicktrail.reports.totals import TABLES
from clicktrail.store.session.protocol import Migration

TOTALS: Migration = (
    "0019-postgres-daily-totals",
    (
        *(f"CREATE INDEX {table}_day ON {table} (day)" for table in TABLES),
        "CREATE INDEX daily_links_link ON daily_links (link_id, day)",
        # What reports count: the rows themselves are not read. Texts that a visitor may make longer than an index entry
        # (utm_campaign) cannot be there.
        "DROP INDEX clicks_time",
        "CREATE INDEX clicks_time ON clicks (time) "
        "INCLUDE (link_id, partner_id, country_code, bot, is_first, profile_id, visitor)",
        "DROP INDEX clicks_visitor",
        "CREATE INDEX clicks_visitor ON clicks (visitor_id) INCLUDE (time, bot) WHERE visitor_id IS NOT NULL",
    ),
)
