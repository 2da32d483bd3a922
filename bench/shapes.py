"""What the clicks of `bench.data` look like: one SQL expression for each column, and the objects around them.

Every number is drawn from a hash of the click's number or its visitor's, so that the rows are the same in every run.
"""

REFERRERS, HOSTS, AGENTS, SUBS, TERMS = 400_000, 20_000, 300_000, 50_000, 5_000
_COUNTRIES = (
    "US DE FR GB IN BR JP PL ES IT NL TR ID MX CA AU SE CH AT BE CZ UA PT RO GR TH VN KR ZA EG NG AR CL CO PH MY"
)
_ENDINGS = (".example.com", ".example.net", "-blog.example.org")
_BROWSERS = "Chrome Safari Firefox Edge Opera"
_BOTS = ("Googlebot\\/", "bingbot", "AhrefsBot", "says it crawls", "gives a web address")


def draw(salt: int, of: str = "j") -> str:
    """A number from 0 to below 1."""
    return f"((hash({of}, {salt}) >> 11) / 9007199254740992.0)"


def rank(n: int, salt: int, of: str = "j") -> str:
    """A number from 0 to n - 1 with a long tail: density 1/x."""
    return f"least(floor(exp(ln({n} + 1) * {draw(salt, of)})) - 1, {n - 1})::BIGINT"


def _pick(values: str | tuple[str, ...], salt: int, of: str = "j", *, skewed: bool = False) -> str:
    """One of some texts."""
    words = values.split() if isinstance(values, str) else values
    texts = ", ".join(f"'{word}'" for word in words)
    place = rank(len(words), salt, of) if skewed else f"(hash({of}, {salt}) % {len(words)})::BIGINT"
    return f"([{texts}])[1 + {place}]"


def _id(number: str) -> str:
    return f"printf('%024x', {number})"


def partner_of(link: str) -> str:
    """The partner of a link: one partner has thousands of links, many have one, some links have no partner."""
    return f"CASE WHEN {link} % 200 < 199 THEN {_id(rank(2_000, 90, link))} END"


def banner_of(link: str) -> str:
    return f"CASE WHEN hash({link}, 91) % 10 < 3 THEN {_id(f'hash({link}, 92) % 200')} END"


def code_of(link: str) -> str:
    return f"'c' || substr(md5({link}::VARCHAR), 1, 9)"


_AGENT = f"""CASE WHEN hash(person, 20) % 100 = 0 THEN NULL
    WHEN is_robot THEN 'Mozilla/5.0 (compatible; ' || {_pick("Googlebot bingbot AhrefsBot SomeCrawler", 21)}
        || '/2.' || agent % 40 || '; +http://robots.example.com/' || agent % 900 || ')'
    WHEN hash(person, 20) % 100 < 35 THEN 'Mozilla/5.0 (Linux; Android ' || 8 + agent % 8 || '; Model-' || agent
        || ') AppleWebKit/537.36 (KHTML, like Gecko) Chrome/' || 90 + agent % 40 || '.0.0.0 Mobile Safari/537.36'
    WHEN hash(person, 20) % 100 < 60 THEN 'Mozilla/5.0 (iPhone; CPU iPhone OS ' || 14 + agent % 5 || '_' || agent % 8
        || ' like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 [FBAN/FBIOS;FBAV/' || agent || ']'
    WHEN hash(person, 20) % 100 < 85 THEN 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like '
        || 'Gecko) Chrome/' || 90 + agent % 40 || '.0.' || agent || '.0 Safari/537.36'
    ELSE 'Mozilla/5.0 (X11; Linux x86_64; rv:' || agent % 130 || '.0) Gecko/20100101 Firefox/' || agent END"""
_URI = """CASE
    WHEN shape < 40 THEN 'https://my.example.org/register?referral=' || code || tags || '&gclid=' || unique_text
    WHEN shape < 65 THEN 'https://shop.example.com/de/schuhe/turnschuhe-f%C3%BCr-herren-' || j || '?' || tags[2:]
        || '&referral=' || code || '&fbclid=IwAR' || unique_text
    WHEN shape < 75 THEN 'https://shop.example.com/%D1%82%D0%BE%D0%B2%D0%B0%D1%80%D1%8B/%D0%BE%D0%B1%D1%83%D0%B2%D1%8C/'
        || j || '?Referral=' || code || tags || '&q=%D0%BA%D1%83%D0%BF%D0%B8%D1%82%D1%8C+' || unique_text[:20]
    WHEN shape < 85 THEN 'https://my.example.org/ja/' || '商品一覧/' || unique_text[:24] || '?referral=' || code || tags
        || '#section-' || j % 90
    WHEN shape < 97 THEN 'https://my.example.org/' || unique_text || '/welcome?ttclid=E.C.P.' || unique_text
        || '&referral=' || code || tags
    ELSE 'https://my.example.org/search?referral=' || code || tags
        || repeat('&filter%5B%5D=' || unique_text, 4 + (hash(j, 30) % 42)::BIGINT) END"""
_TAGS = (
    "coalesce('&utm_campaign=' || campaign, '') || coalesce('&utm_source=' || source, '')"
    " || coalesce('&utm_medium=' || medium, '') || coalesce('&utm_content=' || content, '')"
    " || coalesce('&sub=' || CASE WHEN sub % 3 = 0 THEN 'news%20letter-' ELSE 'pub' END || sub, '') || '&v=' || j % 9"
)
LAYERS = f"""
    visited AS (
        SELECT *, hash(person, 10) % 25 < 2 AS is_robot, {rank(AGENTS, 11, "person")} AS agent,
            CASE WHEN hash(person, 12) % 7 = 0 THEN '62a02' || md5(person::VARCHAR)[:28]
                ELSE '4' || printf('%08x', (hash(person, 12) % 3000000000)::BIGINT) END AS ip,
            {_pick(_COUNTRIES, 13, "person", skewed=True)} AS country,
            CASE WHEN hash(j, 14) % 5 > 0 THEN {rank(REFERRERS, 15)} END AS page,
            CASE WHEN hash(j, 16) % 4 > 0 THEN 'campaign' || {rank(400, 17)} END AS campaign,
            CASE WHEN hash(j, 16) % 8 > 0 THEN 'source' || {rank(300, 18)} END AS source,
            CASE WHEN hash(j, 16) % 6 > 0 THEN {_pick("cpc email social banner affiliate push", 19)} END AS medium,
            CASE WHEN hash(j, 22) % 2 = 0 THEN 'content' || {rank(2_000, 23)} END AS content,
            CASE WHEN hash(j, 24) % 5 < 2 THEN {rank(SUBS, 25)} END AS sub,
            hash(j, 26) % 100 AS shape, md5(j::VARCHAR) || md5((-j - 1)::VARCHAR) AS unique_text,
            coalesce({code_of("link")}, 'nolink') AS code,
            moment + (i - j) * (1 + (hash(i, 27) % 20)::BIGINT) * 1000000 AS clicked
        FROM timed),
    written AS (
        SELECT *, {_TAGS} AS tags, {_AGENT} AS agent_text, i <> j AS is_repeat,
            'site' || page % {HOSTS} || {_pick(_ENDINGS, 28, "page")} AS host,
            CASE WHEN j % 10 < 3 AND hash(j, 29) % 10 > 0 THEN md5((j + 7)::VARCHAR) END AS uuid_text
        FROM visited)"""
COLUMNS = {
    "click_id": "printf('%08x%016x', made // 1000000, i)",
    "time": "clicked",
    "referrer": "'https://' || CASE WHEN page % 10 < 3 THEN 'www.' ELSE '' END || host || '/posts/' || page || '/read-'"
    " || page * 7919 % 1000003",
    "ip": "ip",
    "uri": _URI,
    "user_agent": "agent_text",
    "utm_campaign": "campaign",
    "utm_content": "content",
    "utm_medium": "medium",
    "utm_source": "source",
    "utm_term": f"CASE WHEN hash(j, 31) % 5 < 2 THEN 'term ' || {rank(TERMS, 32)} END",
    "profile_id": "CASE WHEN NOT is_repeat AND NOT is_robot AND hash(j, 33) % 1000 < 54"
    " THEN printf('%08x%016x', made // 1000000, i + 1099511627776) END",
    "link_id": f"CASE WHEN link IS NOT NULL THEN {_id('link')} END",
    "banner_id": banner_of("link"),
    "latitude": "round((hash(country, 34) % 110)::DOUBLE - 45 + hash(person, 35) % 40 / 10.0, 1)",
    "longitude": "round((hash(country, 36) % 300)::DOUBLE - 150 + hash(person, 37) % 40 / 10.0, 1)",
    "country_code": "country",
    "update_time": "made // 1000000 * 1000000",
    "uuid": "CASE WHEN NOT is_repeat THEN uuid_text END",
    "locale": f"CASE WHEN hash(person, 38) % 5 = 0 THEN {_pick('de-DE en fr ja pt-BR', 39, 'person')} END",
    "ip_hash": "CAST('0x' || md5(ip)[:8] AS BIGINT)",
    "uuid_hash": "CASE WHEN NOT is_repeat THEN CAST('0x' || md5(uuid_text)[:8] AS BIGINT) END",
    "visitor_id": "CASE WHEN hash(person, 40) % 4 = 0 THEN 'v-' || md5((person + 11)::VARCHAR)[:20] END",
    "visitor": "(hash(person, clicked // 86400000000) >> 1)::BIGINT",
    "device": "CASE WHEN NOT is_robot AND agent_text IS NOT NULL THEN"
    " CASE WHEN hash(person, 20) % 100 < 60 THEN 'phone' ELSE 'desktop' END END",
    "browser": f"CASE WHEN agent_text IS NOT NULL THEN {_pick(_BROWSERS, 41, 'person', skewed=True)} END",
    "os": f"CASE WHEN agent_text IS NOT NULL THEN {_pick('Android iOS Windows Linux', 42, 'person')} END",
    "bot": "CASE WHEN agent_text IS NULL THEN NULL WHEN is_robot THEN "
    f"{_pick(_BOTS, 43, 'person', skewed=True)} ELSE '' END",
    "is_data_centre": "hash(person, 44) % 100 < CASE WHEN is_robot THEN 70 ELSE 2 END",
    "is_prefetch": "CASE WHEN hash(j, 45) % 3 > 0 THEN hash(j, 46) % 60 = 0 END",
    "duplicate_of": "CASE WHEN is_repeat AND link IS NOT NULL THEN printf('%08x%016x', made // 1000000, j) END",
    "partner_id": f"CASE WHEN link IS NOT NULL THEN {partner_of('link')} END",
    "site_id": f"CASE WHEN hash(j, 47) % 10 < 3 THEN {_id(rank(5, 48))} END",
    "referrer_host": "host",
    "is_first": "(NOT is_robot OR agent_text IS NULL) "
    "AND NOT (is_repeat AND clicked // 86400000000 = moment // 86400000000)",
}
"""Column of `clicks` -> its value."""
_DELAY = "1000000 * CAST(exp(text_hash(click_id) % 1000 / 1000.0 * 14) AS BIGINT)"
"""From a click to its registration: seconds to two weeks, most of them short."""
_CLIENTS = "FROM clicks WHERE profile_id IS NOT NULL"
AROUND_SQL = (
    "INSERT INTO profiles (profile_id, country_code, enabled, first_name, last_name, middle_name, name, first_tag, "
    "update_time) SELECT profile_id, country_code, TRUE, 'Mary', 'Smith', '', 'Mary Smith', "
    f"'tag' || text_hash(profile_id) % 100, update_time {_CLIENTS}",
    "INSERT INTO profile_tags (profile_id, position, tag) "
    "SELECT profile_id, 0, first_tag FROM profiles WHERE first_tag IS NOT NULL",
    "INSERT INTO contacts (contact_id, profile_id, position, key, value, update_time) SELECT reverse(profile_id), "
    "profile_id, 0, 'email', 'client' || substr(profile_id, 14) || '@email.com', 0 FROM profiles "
    "WHERE first_tag IS NOT NULL",
    "INSERT INTO attributions (attribution_id, profile_id, click_id, link_id, time, touch, window_days, rule, "
    "named_click_id, partner_id) SELECT click_id, profile_id, click_id, link_id, "
    f"time + {_DELAY}, 'last', 30, CASE WHEN text_hash(click_id) % 9 = 0 THEN 'explicit' ELSE 'last-touch' END, "
    f"click_id, partner_id {_CLIENTS}",
    "INSERT INTO attribution_clicks (attribution_id, click_id, link_id, time, evidence, is_robot, is_duplicate, "
    "is_taken, outcome) SELECT click_id, click_id, link_id, time, 'clickId', FALSE, FALSE, FALSE, 'wins' "
    f"{_CLIENTS}",
)
"""The clients of the clicks and their registrations, in SQL that both engines have."""
OBJECTS: dict[str, tuple[int, str, str]] = {
    "links": (
        25_000,
        "link_id, code, profile_id, banner_id, name, uri, enabled, update_time",
        f"{_id('i')}, {code_of('i')}, {partner_of('i')}, {banner_of('i')}, 'Link ' || i, "
        "'https://my.example.org/register', TRUE, 0",
    ),
    "profiles": (
        2_000,
        "profile_id, country_code, enabled, first_name, last_name, middle_name, name, update_time",
        f"{_id('i')}, 'US', TRUE, 'Partner', i::VARCHAR, '', 'Partner ' || i, 0",
    ),
    "banners": (200, "banner_id, banner_name, update_time", f"{_id('i')}, 'Banner ' || i, 0"),
    "sites": (
        5,
        "site_id, name, key, origins, enabled, update_time",
        f"{_id('i')}, 'Site ' || i, 'key-of-site-' || i, 'https://shop' || i || '.example.org', TRUE, 0",
    ),
}
"""Table -> its number of rows, its columns, and their values for row `i`."""


def objects_sql() -> dict[str, tuple[str, str]]:
    """Table -> its columns, and a SELECT of its rows."""
    return {
        table: (columns, f"SELECT {values} FROM range({rows}) t(i)")
        for table, (rows, columns, values) in OBJECTS.items()
    }
