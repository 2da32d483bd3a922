"""PostgreSQL's additions to the shared tables: functions, keys, indexes, and tables that nodes share.

docs/adr/0013-postgresql-storage.md shows which question each index serves, and its measured cost.
"""

import re
from dataclasses import replace

from clicktrail.store.engines.postgres.audit import AUDIT
from clicktrail.store.engines.postgres.erasures import ERASURES, RETENTION
from clicktrail.store.engines.postgres.history import HISTORY
from clicktrail.store.engines.postgres.parameters import PARAMETERS
from clicktrail.store.engines.postgres.totals import TOTALS
from clicktrail.store.session.protocol import Dialect, Migration
from clicktrail.store.session.search import find_by_like

PREFIX = 250
"""Characters of a text in an index: a whole text of 8 KiB would not fit in an index page."""
_TEXTS = ("utm_campaign", "utm_content", "utm_medium", "utm_source", "utm_term", "referrer", "user_agent")
_PROXIES = {
    **{f"c.{name}": f"left({{}}, {PREFIX})" for name in _TEXTS},
    **{f"c.{name}": "{}" for name in ("ip", "latitude", "longitude", "time", "update_time")},
    "t.first_tag": "{}",
}
"""Sort expression -> expression of its index. The uri has none: the index would be as large as the table."""

_FUNCTIONS: Migration = (
    "0000-postgres-functions",
    (
        # Lower case by code point, as in the embedded engine, whatever the locale of the database.
        """DO $$ DECLARE chosen TEXT; BEGIN
            SELECT quote_ident(collname) INTO chosen FROM pg_collation
            WHERE collname IN ('pg_c_utf8', 'C.utf8', 'C.UTF-8', 'und-x-icu') AND collencoding IN (-1, 6)
            ORDER BY array_position(ARRAY['pg_c_utf8', 'C.utf8', 'C.UTF-8', 'und-x-icu'], collname::TEXT) LIMIT 1;
            EXECUTE format('CREATE FUNCTION fold(TEXT) RETURNS TEXT LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
                RETURN lower($1 COLLATE %s)', coalesce(chosen, '"C"'));
        END $$""",
        """CREATE FUNCTION text_hash(TEXT) RETURNS BIGINT LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
            RETURN ('x' || substr(md5($1), 1, 8))::BIT(32)::BIGINT""",
        """CREATE FUNCTION visitor_key(link_id TEXT, ip TEXT, user_agent TEXT) RETURNS BIGINT
            LANGUAGE sql IMMUTABLE PARALLEL SAFE
            RETURN ('x' || substr(md5(link_id || ip || coalesce('1' || user_agent, '0')), 17, 16))::BIT(64)::BIGINT""",
    ),
)

_NODES: Migration = (
    "0002-postgres-what-nodes-share",
    (
        "CREATE TABLE catalogue_version (version BIGINT NOT NULL)",
        "INSERT INTO catalogue_version (version) VALUES (1)",
        "CREATE TABLE signing_keys (position BIGINT NOT NULL, line TEXT NOT NULL)",
        # The claims of uuids: a unique key on a partitioned table would have to include the partition key.
        "CREATE TABLE click_uuids (uuid_key UUID PRIMARY KEY)",
        """CREATE TABLE link_figures (
            link_id TEXT PRIMARY KEY, clicks BIGINT NOT NULL, unique_clicks BIGINT NOT NULL,
            registrations BIGINT NOT NULL, first_time BIGINT, last_time BIGINT)""",
        """CREATE TABLE link_changes (
            link_id TEXT NOT NULL, clicks BIGINT NOT NULL, unique_clicks BIGINT NOT NULL,
            registrations BIGINT NOT NULL, first_time BIGINT, last_time BIGINT)""",
        "CREATE TABLE link_visitors (visitor BIGINT PRIMARY KEY)",
    ),
)

_KEYS: Migration = (
    "0003-postgres-keys-and-indexes",
    (
        "ALTER TABLE clicks ADD PRIMARY KEY (click_id)",
        "CREATE TABLE clicks_default PARTITION OF clicks DEFAULT",
        "CREATE INDEX clicks_link ON clicks (link_id)",
        "CREATE INDEX clicks_banner ON clicks (banner_id) WHERE banner_id IS NOT NULL",
        "CREATE INDEX clicks_profile ON clicks (profile_id) WHERE profile_id IS NOT NULL",
        "CREATE INDEX clicks_uuid ON clicks (uuid_hash) WHERE uuid_hash IS NOT NULL",
        "CREATE INDEX clicks_country ON clicks (country_code)",
        *(
            f"CREATE INDEX clicks_{expression[2:]} ON clicks (({proxy.format(expression[2:])}))"
            for expression, proxy in _PROXIES.items()
            if expression.startswith("c.")
        ),
        # So that the planner knows rare links to have few clicks.
        *(
            f"ALTER TABLE clicks ALTER COLUMN {name} SET STATISTICS 1000"
            for name in ("link_id", "country_code", *_TEXTS)
        ),
        "CREATE INDEX profiles_first_tag ON profiles (first_tag)",
        *(
            f"ALTER TABLE {table} ADD PRIMARY KEY ({key})"
            for table, key in (
                ("profiles", "profile_id"),
                ("contacts", "contact_id"),
                ("links", "link_id"),
                ("banners", "banner_id"),
                ("languages", "language_id"),
                ("sizes", "size_id"),
                ("themes", "theme_id"),
                ("clients", "client_id"),
                ("revoked_tokens", "token_id"),
                ("profile_tags", "profile_id, position"),
            )
        ),
        *(
            f"CREATE UNIQUE INDEX {table}_uuid ON {table} (uuid) WHERE uuid IS NOT NULL"
            for table in ("profiles", "contacts", "links", "banners", "languages", "sizes", "themes")
        ),
        "CREATE UNIQUE INDEX links_code ON links (code)",
        "CREATE UNIQUE INDEX contacts_value ON contacts (profile_id, key, value)",
        "CREATE INDEX links_profile ON links (profile_id)",
        "CREATE INDEX profile_tags_tag ON profile_tags (tag)",
    ),
)

_VISITORS: Migration = (
    "0004-postgres-who-clicked",
    (
        """CREATE FUNCTION visitor_key(link_id TEXT, visitor TEXT) RETURNS BIGINT
            LANGUAGE sql IMMUTABLE PARALLEL SAFE
            RETURN ('x' || substr(md5(link_id || visitor), 17, 16))::BIT(64)::BIGINT""",
        "DROP FUNCTION visitor_key(TEXT, TEXT, TEXT)",
        "ALTER TABLE link_visitors ADD COLUMN click_id TEXT",
        "ALTER TABLE link_visitors ADD COLUMN time BIGINT",
        "ALTER TABLE visitor_salts ADD PRIMARY KEY (day)",
        "CREATE INDEX clicks_bot ON clicks (bot) WHERE bot <> ''",
        "CREATE INDEX clicks_browser ON clicks (browser)",
        "CREATE INDEX clicks_os ON clicks (os)",
        "CREATE INDEX clicks_visitor ON clicks (visitor_id) WHERE visitor_id IS NOT NULL",
        "CREATE INDEX clicks_duplicate ON clicks (duplicate_of) WHERE duplicate_of IS NOT NULL",
    ),
)

_ATTRIBUTION: Migration = (
    "0005-postgres-attribution",
    (
        "ALTER TABLE attributions ADD PRIMARY KEY (attribution_id)",
        "ALTER TABLE attribution_clicks ADD PRIMARY KEY (attribution_id, click_id)",
        "ALTER TABLE identities ADD PRIMARY KEY (visitor_id, uuid)",
        "CREATE INDEX attributions_profile ON attributions (profile_id)",
        "CREATE INDEX attribution_clicks_click ON attribution_clicks (click_id)",
        "CREATE INDEX identities_uuid ON identities (uuid)",
    ),
)

_SITES: Migration = (
    "0006-postgres-sites",
    (
        "ALTER TABLE sites ADD PRIMARY KEY (site_id)",
        "CREATE UNIQUE INDEX sites_key ON sites (key)",
        "CREATE UNIQUE INDEX sites_uuid ON sites (uuid) WHERE uuid IS NOT NULL",
    ),
)

_POSTBACKS: Migration = (
    "0007-postgres-postbacks",
    (
        "ALTER TABLE postbacks ADD PRIMARY KEY (postback_id)",
        "CREATE UNIQUE INDEX postbacks_uuid ON postbacks (uuid) WHERE uuid IS NOT NULL",
        "CREATE INDEX postbacks_profile ON postbacks (profile_id)",
        "ALTER TABLE deliveries ADD PRIMARY KEY (delivery_id)",
        "CREATE INDEX deliveries_due ON deliveries (postback_id, due_time) WHERE due_time IS NOT NULL",
        "CREATE INDEX deliveries_dead ON deliveries (postback_id, delivery_id) WHERE status = 'dead'",
        "CREATE INDEX deliveries_profile ON deliveries (profile_id, delivery_id)",
        "CREATE INDEX deliveries_click ON deliveries (click_id)",
    ),
)

_MARKS: Migration = (
    "0008-postgres-rare-marks",
    (  # so that finding a page of them, or none, does not scan all clicks
        "CREATE INDEX clicks_data_centre ON clicks (click_id) WHERE is_data_centre",
        "CREATE INDEX clicks_prefetch ON clicks (click_id) WHERE is_prefetch",
    ),
)

_NAME_SPACES: Migration = (
    "0009-postgres-name-spaces",
    (
        "DROP INDEX profiles_uuid",
        "CREATE UNIQUE INDEX profiles_uuid ON profiles (uuid, coalesce(name_space, '')) WHERE uuid IS NOT NULL",
        "CREATE INDEX profiles_name_space ON profiles (name_space) WHERE name_space IS NOT NULL",
        # Anyone can send the same uuid with public keys, so many clicks may have it; each lookup uses one name space.
        "DROP INDEX clicks_uuid",
        "CREATE INDEX clicks_uuid ON clicks (uuid_hash, name_space) WHERE uuid_hash IS NOT NULL",
    ),
)

_MERGED: Migration = (
    "0010-postgres-merged-profiles",
    (
        "CREATE UNIQUE INDEX identities_id ON identities (identity_id)",
        "CREATE INDEX merged_profiles_id ON merged_profiles (merged_id)",
        "CREATE INDEX merged_profiles_profile ON merged_profiles (profile_id)",
        "CREATE INDEX merged_profiles_uuid ON merged_profiles (uuid) WHERE uuid IS NOT NULL",
    ),
)

_ISSUED_TOKENS: Migration = (
    "0011-postgres-issued-tokens",
    ("CREATE TABLE issued_tokens (create_time BIGINT NOT NULL, line TEXT NOT NULL)",),
)

_REPORTS: Migration = (
    "0012-postgres-what-reports-need",
    (
        "CREATE INDEX clicks_partner ON clicks (partner_id, click_id) WHERE partner_id IS NOT NULL",
        "CREATE INDEX clicks_client ON clicks (partner_id, profile_id) WHERE profile_id IS NOT NULL",
        "CREATE INDEX clicks_unfilled ON clicks (time, click_id) WHERE is_first IS NULL",
        "ALTER TABLE clicks ALTER COLUMN partner_id SET STATISTICS 1000",
        "TRUNCATE link_visitors",
    ),
)

_REPORT_FUNCTIONS: Migration = (
    "0014-postgres-report-functions",
    (
        """CREATE FUNCTION divide(BIGINT, BIGINT) RETURNS BIGINT LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
            RETURN $1 / $2""",
        # Bytes that are not UTF-8 leave the whole text as it is. NUL, which no text can hold, is left out.
        r"""CREATE FUNCTION uri_decode(TEXT) RETURNS TEXT LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $body$
            BEGIN
                IF strpos($1, '%') + strpos($1, '+') = 0 THEN RETURN $1; END IF;
                RETURN (SELECT coalesce(convert_from(string_agg(
                        CASE WHEN length(m[1]) = 3 AND m[1] ~ '^%[0-9A-Fa-f]{2}$' THEN decode(substr(m[1], 2), 'hex')
                        ELSE convert_to(m[1], 'UTF8') END, ''::BYTEA ORDER BY place), 'UTF8'), '')
                    FROM regexp_matches(replace(replace($1, '+', ' '), '%00', ''), '(%[0-9A-Fa-f]{2}|[^%]+|%)', 'g')
                        WITH ORDINALITY found(m, place));
            EXCEPTION WHEN character_not_in_repertoire OR untranslatable_character THEN
                RETURN $1;
            END $body$""",
        """CREATE FUNCTION uri_parameter(TEXT, TEXT) RETURNS TEXT LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
            RETURN nullif(uri_decode(nullif(substring($1 FROM $2), '')), '')""",
    ),
)

_USERS: Migration = (
    "0013-postgres-users",
    (
        "ALTER TABLE users ADD PRIMARY KEY (user_id)",
        "CREATE UNIQUE INDEX users_name ON users (fold(name))",
        "ALTER TABLE invitations ADD PRIMARY KEY (token_hash)",
        "ALTER TABLE sessions ADD PRIMARY KEY (session_id)",
        "CREATE UNIQUE INDEX sessions_token ON sessions (token_hash)",
        "CREATE INDEX sessions_user ON sessions (user_id)",
    ),
)

_DROPPED: Migration = (
    "0015-postgres-dropped-clicks",
    (
        "ALTER TABLE dropped_clicks ADD PRIMARY KEY (end_time)",
        # An earlier version may have dropped months without a note (`months.note_earlier_drops`).
        "INSERT INTO dropped_clicks (end_time, drop_time) SELECT 0, 0 WHERE EXISTS (SELECT FROM clicks)",
    ),
)
_UTF_8 = (
    r"[\u0001-\u007f]|[\u00c2-\u00df][\u0080-\u00bf]|\u00e0[\u00a0-\u00bf][\u0080-\u00bf]"
    r"|[\u00e1-\u00ec\u00ee\u00ef][\u0080-\u00bf]{2}|\u00ed[\u0080-\u009f][\u0080-\u00bf]"
    r"|\u00f0[\u0090-\u00bf][\u0080-\u00bf]{2}|[\u00f1-\u00f3][\u0080-\u00bf]{3}|\u00f4[\u0080-\u008f][\u0080-\u00bf]{2}"
)
"""A character in UTF-8, with each byte as one letter (RFC 3629)."""
_FASTER_REPORTS: Migration = (
    "0016-postgres-faster-reports",
    (
        # The parts of the usual metrics and dimensions: the rows themselves are not read. The index by time is of 0019.
        "DROP INDEX clicks_link",
        "CREATE INDEX clicks_link ON clicks (link_id, time) INCLUDE (bot, is_first, profile_id)",
        # Before PostgreSQL 18 a parallel plan ends with an error where a function has a block with EXCEPTION.
        rf"""CREATE OR REPLACE FUNCTION uri_decode(TEXT) RETURNS TEXT
            LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $body$
            DECLARE bytes BYTEA; letters TEXT;
            BEGIN
                IF strpos($1, '%') = 0 THEN RETURN replace($1, '+', ' '); END IF;
                bytes := (SELECT string_agg(CASE WHEN place = 1 THEN convert_to(part, 'UTF8')
                        WHEN part ~ '^00' THEN convert_to(substr(part, 3), 'UTF8')
                        WHEN part ~ '^[0-9A-Fa-f]{{2}}'
                            THEN decode(left(part, 2), 'hex') || convert_to(substr(part, 3), 'UTF8')
                        ELSE convert_to('%' || part, 'UTF8') END, ''::BYTEA ORDER BY place)
                    FROM unnest(string_to_array(replace($1, '+', ' '), '%')) WITH ORDINALITY found(part, place));
                letters := convert_from(bytes, 'LATIN1');
                IF letters !~ '[\u0080-\u00ff]' THEN RETURN letters; END IF;
                RETURN CASE WHEN letters ~ '^({_UTF_8})*$' THEN convert_from(bytes, 'UTF8') ELSE $1 END;
            END $body$""",
        # The second half runs for the few values that have a `%` or a `+`.
        """CREATE OR REPLACE FUNCTION uri_parameter(TEXT, TEXT) RETURNS TEXT
            LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $body$
            DECLARE value TEXT := nullif(substring($1 FROM $2 || '([^&#]*)'), '');
            BEGIN
                IF value IS NULL OR strpos(value, '%') + strpos(value, '+') = 0 THEN RETURN value; END IF;
                RETURN nullif(uri_decode(value), '');
            END $body$""",
    ),
)

_DROPPED_FIGURES: Migration = (
    "0017-postgres-kept-figures",
    (
        "ALTER TABLE dropped_figures ADD PRIMARY KEY (figures_id)",
        "CREATE INDEX dropped_figures_link ON dropped_figures (link_id)",
        "CREATE INDEX dropped_figures_partner ON dropped_figures (partner_id) WHERE partner_id IS NOT NULL",
    ),
)

_VISIT_KEYS: Migration = (
    "0018-postgres-visit-keys",
    (  # the keys have another form since the marks came; later clicks of a stored visit must find its key
        "TRUNCATE link_visitors",
        """INSERT INTO link_visitors (visitor) SELECT DISTINCT visitor_key('', c.ip || ' '
                || (c.time - ((c.time % 86400000000) + 86400000000) % 86400000000)::TEXT
                || coalesce(' ' || c.user_agent, ''))
            # visitor_key(coalesce(c.link_id, ''), CASE WHEN c.bot = '' OR c.bot IS NULL THEN ' p' ELSE ' r' END)
            FROM clicks c WHERE c.is_first IS NOT NULL""",
    ),
)

_text = re.compile(r"\bTEXT\b")


def translate(statement: str) -> str:
    """Adapts a shared statement: texts sort by code point; clicks are partitioned by id, which sorts by time."""
    if not statement.startswith(("CREATE TABLE", "ALTER TABLE")):
        return statement
    is_clicks = statement.startswith("CREATE TABLE clicks (")
    return _text.sub('TEXT COLLATE "C"', statement) + (" PARTITION BY RANGE (click_id)" if is_clicks else "")


POSTGRES = Dialect(
    "postgres",
    is_owned=False,
    row_id=None,
    find_any=find_by_like,
    proxies=_PROXIES,
    prefix=PREFIX,
    first=(_FUNCTIONS,),
    last=(
        *(_NODES, _KEYS, _VISITORS, _ATTRIBUTION, _SITES, _POSTBACKS, _MARKS, _NAME_SPACES, _MERGED),
        *(_ISSUED_TOKENS, _REPORTS, _USERS, _REPORT_FUNCTIONS, _DROPPED, _FASTER_REPORTS),
        *(_DROPPED_FIGURES, _VISIT_KEYS, TOTALS, PARAMETERS, ERASURES, RETENTION, AUDIT, HISTORY),
    ),
    translate=translate,
    skip_locked="FOR UPDATE SKIP LOCKED",
)
CITUS = replace(POSTGRES, is_spread=True)
"""The same tables, distributed over a cluster (`store.engines.postgres.citus`)."""
