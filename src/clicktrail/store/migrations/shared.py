"""The tables, as named forward-only migrations in the types that DuckDB and PostgreSQL share.

Times are BIGINT microseconds UTC, addresses are sort keys (`model.addresses`), ids are 24 hex digits. An id contains
its creation time, so no column repeats it.
"""

from collections.abc import Sequence

from clicktrail.errors import NewerStore
from clicktrail.reports import totals
from clicktrail.store.session.history import MIGRATION as HISTORY
from clicktrail.store.session.protocol import Dialect, Migration, Session, list_values
from clicktrail.store.session.sql import sql
from clicktrail.store.session.totals import KEYS

_COMMON = "update_time BIGINT NOT NULL, uuid TEXT"

_COUNTS = ", ".join(f"{name} INTEGER NOT NULL" for name in totals.COUNTS)
_VISITOR_COLUMNS = (
    *("visitor_id TEXT", "visitor BIGINT", "device TEXT", "browser TEXT", "os TEXT", "bot TEXT"),
    *("is_data_centre BOOLEAN", "is_prefetch BOOLEAN", "duplicate_of TEXT"),
)

MIGRATIONS: tuple[Migration, ...] = (
    (
        "0001-clicks-and-what-surrounds-them",
        (
            """CREATE TABLE clicks (
                click_id TEXT NOT NULL, time BIGINT NOT NULL, referrer TEXT, ip TEXT NOT NULL, uri TEXT NOT NULL,
                user_agent TEXT, utm_campaign TEXT, utm_content TEXT, utm_medium TEXT, utm_source TEXT, utm_term TEXT,
                profile_id TEXT, link_id TEXT, banner_id TEXT, latitude DOUBLE PRECISION, longitude DOUBLE PRECISION,
                country_code TEXT, update_time BIGINT NOT NULL, uuid TEXT, locale TEXT)""",
            f"""CREATE TABLE profiles (
                profile_id TEXT NOT NULL, country_code TEXT, enabled BOOLEAN NOT NULL, first_name TEXT NOT NULL,
                last_name TEXT NOT NULL, middle_name TEXT NOT NULL, name TEXT NOT NULL, first_tag TEXT, {_COMMON})""",
            "CREATE TABLE profile_tags (profile_id TEXT NOT NULL, position INTEGER NOT NULL, tag TEXT NOT NULL)",
            f"""CREATE TABLE contacts (
                contact_id TEXT NOT NULL, profile_id TEXT NOT NULL, position INTEGER NOT NULL, key TEXT NOT NULL,
                value TEXT NOT NULL, {_COMMON})""",
            f"""CREATE TABLE links (
                link_id TEXT NOT NULL, code TEXT NOT NULL, profile_id TEXT, banner_id TEXT, name TEXT, uri TEXT,
                enabled BOOLEAN NOT NULL, {_COMMON})""",
            f"""CREATE TABLE banners (
                banner_id TEXT NOT NULL, banner_name TEXT NOT NULL, cdn_file_url TEXT, language_id TEXT, theme_id TEXT,
                size_id TEXT, width INTEGER, height INTEGER, {_COMMON})""",
            f"CREATE TABLE languages (language_id TEXT NOT NULL, language_name TEXT NOT NULL, {_COMMON})",
            f"""CREATE TABLE sizes (
                size_id TEXT NOT NULL, size_name TEXT NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL,
                {_COMMON})""",
            f"CREATE TABLE themes (theme_id TEXT NOT NULL, theme_name TEXT NOT NULL, {_COMMON})",
            """CREATE TABLE clients (
                client_id TEXT NOT NULL, name TEXT, scope TEXT NOT NULL, partner_id TEXT, enabled BOOLEAN NOT NULL,
                secret_hash TEXT NOT NULL, update_time BIGINT NOT NULL)""",
            "CREATE TABLE revoked_tokens (token_id TEXT NOT NULL, revoke_time BIGINT NOT NULL)",
        ),
    ),
    (
        "0002-hashes-of-what-is-looked-up",
        (
            "ALTER TABLE clicks ADD COLUMN ip_hash BIGINT",
            "ALTER TABLE clicks ADD COLUMN uuid_hash BIGINT",
            "UPDATE clicks SET ip_hash = text_hash(ip), uuid_hash = text_hash(uuid)",
        ),
    ),
    (
        "0003-who-clicked",
        (
            *(f"ALTER TABLE clicks ADD COLUMN {column}" for column in _VISITOR_COLUMNS),
            "CREATE TABLE visitor_salts (day BIGINT NOT NULL, salt TEXT NOT NULL)",
        ),
    ),
    (
        "0004-how-links-are-followed",
        (
            "ALTER TABLE links ADD COLUMN redirect_status INTEGER DEFAULT 302",
            "ALTER TABLE links ADD COLUMN expire_time BIGINT",
            "ALTER TABLE links ADD COLUMN fallback_uri TEXT",
        ),
    ),
    (
        "0005-attribution",
        (
            """CREATE TABLE attributions (
                attribution_id TEXT NOT NULL, profile_id TEXT NOT NULL, click_id TEXT, link_id TEXT,
                time BIGINT NOT NULL, touch TEXT, window_days INTEGER, rule TEXT NOT NULL, named_click_id TEXT,
                named_visitor_id TEXT, named_uuid TEXT, named_code TEXT, code_link_id TEXT)""",
            """CREATE TABLE attribution_clicks (
                attribution_id TEXT NOT NULL, click_id TEXT NOT NULL, link_id TEXT, time BIGINT NOT NULL,
                evidence TEXT NOT NULL, is_robot BOOLEAN NOT NULL, is_duplicate BOOLEAN NOT NULL,
                is_taken BOOLEAN NOT NULL, outcome TEXT NOT NULL)""",
            "CREATE TABLE identities (visitor_id TEXT NOT NULL, uuid TEXT NOT NULL, create_time BIGINT NOT NULL)",
        ),
    ),
    (
        "0006-sites",
        (
            f"""CREATE TABLE sites (
                site_id TEXT NOT NULL, name TEXT, key TEXT NOT NULL, origins TEXT NOT NULL, enabled BOOLEAN NOT NULL,
                {_COMMON})""",
        ),
    ),
    (
        "0007-postbacks",
        (
            f"""CREATE TABLE postbacks (
                postback_id TEXT NOT NULL, profile_id TEXT NOT NULL, name TEXT, uri TEXT NOT NULL, method TEXT NOT NULL,
                events TEXT NOT NULL, enabled BOOLEAN NOT NULL, secret TEXT, {_COMMON})""",
            """CREATE TABLE deliveries (
                delivery_id TEXT NOT NULL, postback_id TEXT NOT NULL, profile_id TEXT NOT NULL, event TEXT NOT NULL,
                status TEXT NOT NULL, click_id TEXT, attribution_id TEXT, time BIGINT NOT NULL,
                attempts INTEGER NOT NULL, response_status INTEGER, error TEXT, due_time BIGINT,
                update_time BIGINT NOT NULL)""",
        ),
    ),
    (
        "0008-name-spaces-of-uuids",
        (  # the name space of a uuid; NULL for the site's own (ADR 23)
            "ALTER TABLE clicks ADD COLUMN name_space TEXT",
            "ALTER TABLE profiles ADD COLUMN name_space TEXT",
        ),
    ),
    (
        "0009-merged-profiles",
        (  # the old profile, and its old uuid, which leads to the remaining profile
            """CREATE TABLE merged_profiles (
                merged_id TEXT NOT NULL, profile_id TEXT NOT NULL, uuid TEXT, name_space TEXT, time BIGINT NOT NULL)""",
            "ALTER TABLE identities ADD COLUMN identity_id TEXT",
            "UPDATE identities SET identity_id = lpad(lower(to_hex(CAST(floor(create_time / 1000000) AS BIGINT))), 8, "
            "'0') || substr(md5(visitor_id || ' ' || uuid), 1, 16)",
        ),
    ),
    (
        "0010-what-reports-need",
        (
            *(f"ALTER TABLE clicks ADD COLUMN {name} TEXT" for name in ("partner_id", "site_id", "referrer_host")),
            "ALTER TABLE clicks ADD COLUMN is_first BOOLEAN",
            "ALTER TABLE attributions ADD COLUMN partner_id TEXT",
            "ALTER TABLE links ADD COLUMN hand_over_time BIGINT",
        ),
    ),
    (
        "0011-users",
        (
            """CREATE TABLE users (
                user_id TEXT NOT NULL, name TEXT NOT NULL, scope TEXT NOT NULL, partner_id TEXT,
                enabled BOOLEAN NOT NULL, password_hash TEXT, totp_secret TEXT, totp_pending TEXT, totp_step BIGINT,
                update_time BIGINT NOT NULL)""",
            """CREATE TABLE invitations (
                token_hash TEXT NOT NULL, user_id TEXT, create_time BIGINT NOT NULL, end_time BIGINT NOT NULL)""",
            """CREATE TABLE sessions (
                session_id TEXT NOT NULL, token_hash TEXT NOT NULL, user_id TEXT NOT NULL, create_time BIGINT NOT NULL,
                seen_time BIGINT NOT NULL, confirm_time BIGINT NOT NULL, end_time BIGINT NOT NULL,
                address TEXT NOT NULL, user_agent TEXT NOT NULL)""",
        ),
    ),
    (
        "0012-dropped-clicks",
        (  # from the latest `end_time` on, the retention has dropped no click; 0: not known
            "CREATE TABLE dropped_clicks (end_time BIGINT NOT NULL, drop_time BIGINT NOT NULL)",
        ),
    ),
    (
        "0013-kept-figures",
        (  # of a link and a partner in a dropped month
            """CREATE TABLE dropped_figures (
                figures_id TEXT NOT NULL, link_id TEXT NOT NULL, partner_id TEXT, clicks BIGINT NOT NULL,
                unique_clicks BIGINT NOT NULL, registrations BIGINT NOT NULL, first_time BIGINT, last_time BIGINT)""",
        ),
    ),
    (
        "0014-daily-totals",
        (
            *(
                f"CREATE TABLE {table} (day BIGINT NOT NULL, {' TEXT, '.join(columns)} TEXT, {_COUNTS}, "
                "is_merged BOOLEAN NOT NULL)"
                for table, columns in totals.TABLES.items()
            ),
            f"CREATE TABLE daily_changes (day BIGINT NOT NULL, {' TEXT, '.join(KEYS)} TEXT, {_COUNTS})",
            "CREATE TABLE daily_fills (end_day BIGINT NOT NULL)",
        ),
    ),
    (
        "0015-attempts-of-deliveries",
        (  # the last attempts as JSON (`outbox.tries`); NULL before the first one
            "ALTER TABLE deliveries ADD COLUMN tries TEXT",
        ),
    ),
    (
        "0016-erasures",
        (  # receipts; keyed hashes of what led to the persons; the keys (ADR 46)
            """CREATE TABLE erasures (
                erasure_id TEXT NOT NULL, time BIGINT NOT NULL, mode TEXT NOT NULL, profiles INTEGER NOT NULL,
                contacts INTEGER NOT NULL, identities INTEGER NOT NULL, clicks INTEGER NOT NULL,
                registrations INTEGER NOT NULL, deliveries INTEGER NOT NULL, gone_time BIGINT)""",
            "CREATE TABLE erased_keys (erasure_id TEXT NOT NULL, key_hash TEXT NOT NULL)",
            "CREATE TABLE erasure_secrets (secret TEXT NOT NULL)",
        ),
    ),
    (
        "0017-retention",
        (  # from `start_time` on, the daily totals have all dropped clicks; runs of the retention (ADR 47)
            "CREATE TABLE kept_totals (start_time BIGINT NOT NULL)",
            """CREATE TABLE purges (
                purge_id TEXT NOT NULL, time BIGINT NOT NULL, clicks BIGINT NOT NULL, client_clicks BIGINT NOT NULL,
                clients BIGINT NOT NULL, registrations BIGINT NOT NULL, deliveries BIGINT NOT NULL,
                audit BIGINT NOT NULL)""",
        ),
    ),
    (
        "0020-audit",
        (  # `detail` is JSON
            """CREATE TABLE audit (
                audit_id TEXT NOT NULL, position BIGINT NOT NULL, time BIGINT NOT NULL, actor_kind TEXT NOT NULL,
                actor TEXT, action TEXT NOT NULL, object_type TEXT, object_id TEXT, status INTEGER, address TEXT,
                request_id TEXT, detail TEXT NOT NULL, previous_hash TEXT NOT NULL, hash TEXT NOT NULL)""",
        ),
    ),
    (
        HISTORY,
        (  # `known_time`: when a row became known, if its id says another time
            """CREATE TABLE changes (
                kind TEXT NOT NULL, object_id TEXT NOT NULL, time BIGINT NOT NULL, actor_kind TEXT NOT NULL,
                actor TEXT NOT NULL, reason TEXT NOT NULL, field TEXT NOT NULL, old_value TEXT, new_value TEXT,
                old_update_time BIGINT)""",
            """CREATE TABLE deleted_clicks (
                click_id TEXT NOT NULL, time BIGINT NOT NULL, link_id TEXT, partner_id TEXT, profile_id TEXT,
                banner_id TEXT, site_id TEXT, is_first BOOLEAN, bot TEXT, is_data_centre BOOLEAN, is_prefetch BOOLEAN,
                duplicate_of TEXT, known_time BIGINT, delete_time BIGINT NOT NULL)""",
            """CREATE TABLE deleted_registrations (
                attribution_id TEXT NOT NULL, profile_id TEXT NOT NULL, click_id TEXT, link_id TEXT, partner_id TEXT,
                time BIGINT NOT NULL, rule TEXT NOT NULL, known_time BIGINT, delete_time BIGINT NOT NULL)""",
            "ALTER TABLE clicks ADD COLUMN known_time BIGINT",
            "ALTER TABLE attributions ADD COLUMN known_time BIGINT",
        ),
    ),
    (
        "0022-old-addresses",
        (  # clicks before `end_time` have addresses of this form, or less
            "CREATE TABLE reduced_addresses (form TEXT NOT NULL, end_time BIGINT NOT NULL)",
        ),
    ),
    (
        "0025-objections",
        ("CREATE TABLE objections (site_id TEXT NOT NULL, visitor_id TEXT NOT NULL)",),
    ),
    (
        "0027-erasing",
        (  # what is left of clients who are erased in pieces (ADR 47)
            "CREATE TABLE erasing (profile_id TEXT NOT NULL, secret TEXT NOT NULL, key TEXT NOT NULL, "
            "value TEXT NOT NULL)",
        ),
    ),
)


FILL = "0010-what-reports-need-filled"
"""Recorded when the new columns of old rows are filled (`fills`)."""
FIGURES_KEPT = "0013-kept-figures-filled"
"""Recorded when the figures of clicks that an earlier version dropped are kept (`fills`)."""
TOTALS = "0014-daily-totals-filled"
"""Recorded when the daily totals have all old clicks (`fills`)."""
_FILLS = (FILL, FIGURES_KEPT, TOTALS)


def all_migrations(dialect: Dialect) -> tuple[Migration, ...]:
    return (*dialect.first, *MIGRATIONS, *dialect.last)


def migrate(session: Session) -> list[str]:
    """Applies the missing migrations in the session's transaction; returns their names. Raises NewerStore."""
    session.rows(sql("CREATE TABLE IF NOT EXISTS migrations (name TEXT NOT NULL, apply_time BIGINT NOT NULL)"))
    done, newer = _list_applied(session), list_newer(session)
    if newer:
        raise NewerStore(say_newer(newer))
    missing = [(name, statements) for name, statements in all_migrations(session.dialect) if name not in done]
    for name, statements in missing:
        for statement in statements:
            session.rows(sql(session.dialect.translate(statement)))
        record(session, name)
    if not done:  # a new store has nothing to fill
        for name in _FILLS:
            record(session, name)
    return [name for name, _ in missing]


def record(session: Session, name: str) -> None:
    """Notes that a migration was applied."""
    session.rows(sql("INSERT INTO migrations (name, apply_time) VALUES ({}, {})", name, session.clock.now_us()))


def list_missing(session: Session) -> list[str]:
    done = _list_applied(session)
    return [name for name in all_names(session.dialect) if name not in done]


def list_newer(session: Session) -> list[str]:
    """Applied migrations that this version does not know."""
    return sorted(_list_applied(session) - set(all_names(session.dialect)))


def all_names(dialect: Dialect) -> tuple[str, ...]:
    """The migrations of an engine in order, and the fills after them."""
    return (*(name for name, _ in all_migrations(dialect)), *_FILLS)


def say_newer(names: Sequence[str]) -> str:
    return f"The store was made by a newer version of Clicktrail ({', '.join(names)}): upgrade Clicktrail."


def _list_applied(session: Session) -> set[str]:
    tables = session.rows(sql("SELECT 1 FROM information_schema.tables WHERE table_name = 'migrations'"))
    return set(list_values(session, sql("SELECT name FROM migrations"))) if tables else set()


def probe(session: Session) -> None:
    """Raises an error if the store does not answer."""
    session.rows(sql("SELECT 1"))


def inspect(session: Session) -> tuple[set[str], int]:
    """The names of the applied migrations, and the number of clicks."""
    applied = set(list_values(session, sql("SELECT name FROM migrations")))
    return applied, session.rows(sql("SELECT count(*) FROM clicks"))[0][0]
