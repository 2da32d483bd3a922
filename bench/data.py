"""A deterministic store: wide clicks, unique gclids, Zipf-distributed links, referrers and user agents."""

import time
from pathlib import Path

from clicktrail.store.engines.duckdb.engine import DuckdbEngine
from clicktrail.store.migrations.fills import fill
from clicktrail.store.migrations.shared import migrate
from clicktrail.store.session.sql import sql

LINKS, REFERRERS, AGENTS, PARTNERS = 2_000, 3_000, 5_000, 100
START_S = 1_700_000_000
PIECE = 1_000_000
_COLUMNS = (
    "click_id, time, referrer, ip, uri, user_agent, utm_campaign, utm_content, utm_medium, utm_source, utm_term, "
    "profile_id, link_id, banner_id, latitude, longitude, country_code, update_time, uuid, locale, ip_hash, uuid_hash, "
    "visitor_id, visitor, device, browser, os, bot, is_prefetch, duplicate_of"
)

_PROFILE = "profile_id, country_code, enabled, first_name, last_name, middle_name, name, first_tag, update_time, uuid"
_CONTACT = "contact_id, profile_id, position, key, value, update_time, uuid"


def _draw(n: int, salt: int) -> str:
    """A number from 0 to n - 1, Zipf-like (density 1/x), the same in every run."""
    return f"least(floor(exp(ln({n} + 1) * (hash(i + {salt}) % 1000003) / 1000003.0)) - 1, {n - 1})::BIGINT"


def _id(number: str) -> str:
    return f"printf('%024x', {number})"


def clicks_sql(first: int, last: int) -> str:
    """The clicks numbered `first` to `last`, 20 a second."""
    second = f"({START_S} + i // 20)"
    return f"""
        INSERT INTO clicks ({_COLUMNS})
        SELECT printf('%08x%016x', {second}, i), {second} * 1000000 + (i % 20) * 50000,
            'https://site' || {_draw(REFERRERS, 1)} || '.example.com/path/page', ip,
            'https://my.example.org/register?referral=' || link || '&utm_campaign=campaign' || {_draw(50, 3)}
                || '&utm_source=source' || {_draw(30, 5)} || '&gclid=' || md5(i::VARCHAR) || md5((i + 1)::VARCHAR),
            'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/'
                || {_draw(AGENTS, 4)} || ' Safari/605.1.15',
            'campaign' || {_draw(50, 3)}, 'content' || {_draw(100, 6)}, 'banner', 'source' || {_draw(30, 5)}, NULL,
            CASE WHEN hash(i + 7) % 100 < 3 THEN {_id("i + 10000000000")} END, {_id("link")}, NULL,
            ([37.751, 52.52, 48.85, 51.5])[1 + (hash(i + 8) % 4)::INTEGER],
            ([-97.822, 13.4, 2.35, -0.12])[1 + (hash(i + 8) % 4)::INTEGER],
            (['US', 'DE', 'FR', 'GB'])[1 + (hash(i + 8) % 4)::INTEGER], {second} * 1000000, uuid, NULL,
            CAST('0x' || substr(md5(ip), 1, 8) AS BIGINT), CAST('0x' || substr(md5(uuid), 1, 8) AS BIGINT),
            CASE WHEN hash(i + 11) % 4 = 0 THEN md5((i // 2)::VARCHAR) END, (hash(ip, i // 1728000) >> 1)::BIGINT,
            CASE WHEN NOT robot THEN (['desktop', 'phone', 'tablet'])[1 + (hash(i + 12) % 3)::INTEGER] END,
            (['Chrome', 'Safari', 'Firefox', 'Edge'])[1 + (hash(i + 13) % 4)::INTEGER],
            (['Windows', 'iOS', 'Android', 'Mac OS X'])[1 + (hash(i + 14) % 4)::INTEGER],
            CASE WHEN robot THEN 'Googlebot\\/' ELSE '' END, NULL,
            CASE WHEN i > 100 AND hash(i + 15) % 100 = 0 THEN printf('%08x%016x', {START_S} + (i - 1) // 20, i - 1) END
        FROM (SELECT i, hash(i + 10) % 20 = 0 AS robot, {_draw(LINKS, 2)} AS link,
            '4' || printf('%08x', hash(i // 3) % 2000000000) AS ip,
            CASE WHEN i % 2 = 0 THEN md5((i + 9)::VARCHAR) END AS uuid FROM range({first}, {last}) t(i))"""


def build(folder: Path, clicks: int) -> float:
    """Fills a new store; returns the seconds it took the bare engine."""
    engine = DuckdbEngine(folder / "clicktrail.duckdb", memory_mb=2_000)
    engine.run(migrate)
    started = time.perf_counter()
    for first in range(0, clicks, PIECE):
        statement = clicks_sql(first, min(first + PIECE, clicks))
        engine.run(lambda session, statement=statement: session.rows(sql(statement)))
    for statement in (
        "INSERT INTO links (link_id, code, profile_id, name, enabled, update_time) "
        f"SELECT {_id('i')}, i::VARCHAR, {_id(f'i % {PARTNERS}')}, 'link', TRUE, 0 FROM range({LINKS}) t(i)",
        f"INSERT INTO profiles ({_PROFILE}) SELECT {_id('i')}, 'US', TRUE, 'P', i::VARCHAR, '', 'Partner ' || i, "
        f"NULL, 0, NULL FROM range({PARTNERS}) t(i)",
        f"INSERT INTO profiles ({_PROFILE}) SELECT profile_id, country_code, TRUE, 'Mary', 'Smith', '', 'Mary Smith', "
        "'tag' || hash(profile_id) % 100, 0, NULL FROM clicks "
        "WHERE profile_id NOT IN (SELECT profile_id FROM profiles)",
        "INSERT INTO profile_tags SELECT profile_id, 0, first_tag FROM profiles WHERE first_tag IS NOT NULL",
        f"INSERT INTO contacts ({_CONTACT}) SELECT reverse(profile_id), profile_id, 0, 'email', "
        "'client' || substr(profile_id, 14) || '@email.com', 0, NULL FROM profiles WHERE first_tag IS NOT NULL",
    ):
        engine.run(lambda session, statement=statement: session.rows(sql(statement)))
    engine.checkpoint()
    seconds = time.perf_counter() - started
    fill(engine)
    engine.close()
    return seconds
