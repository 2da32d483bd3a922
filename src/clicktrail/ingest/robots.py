"""Finds robots by their user agents: the patterns of `crawler-user-agents`, then rules about what robots say.

An unlisted robot still calls itself a robot, gives its owner's address, or names no system that a person could use.
Similar words of browsers and apps are removed before a rule counts.
"""

import re
from functools import cache
from types import MappingProxyType

from crawleruseragents import CRAWLER_USER_AGENTS_DATA
from ua_parser.matchers import UserAgentMatcher
from ua_parser.regex import Resolver

SAYINGS = MappingProxyType(
    {
        "says it is a robot": (
            r"bot(s|[A-Z0-9]\w*)?(\b|_)|Bot(s|[A-Z0-9]\w*)?(\b|_)|BOT\b|(?i:\b(ro)?bots?\b|_bot\b|robozilla)"
        ),
        "says it crawls": r"(?i)crawl|spider\b|scrap(er|y|ing)\b|grabber",
        "says it fetches": r"(?i)fetcher|retriever|harvest|extractor|extraction|collector",
        "says it watches": r"(?i)monitor|uptime|health.?check|synthetic|\bpinger",
        "says it checks": (
            r"(?i)check(er)?\b|validat(or|ion)|verif(ier|ication)|analy[sz]er|inspector|auditor|audit/|-audit"
            r"|\bscan(s|ner|ning)?\b|scanner|\bprobe?r?\b|probe\b|lookup|survey|research|\brecon\b"
        ),
        "says it makes previews": (
            r"(?i)preview|thumbnail|favicon|screenshot|externalhit|prerender|headless|transcoder|expander"
            r"|image-?(proxy|cache)"
        ),
        "says it reads feeds": r"(?i)parser\b|aggregator|indexer|archiver|feedreader/|\d (subscriber|reader)s?\b",
        "says it does marketing": (
            r"(?i)\bseo|backlink|advisor\b|lead(gen|radar|discovery)|prospect|domain(er|extractor|scorer|drift|appender)"
        ),
        "is a service of Google or Cloudflare": (
            r"(Google|Cloudflare)-[A-Z]|Google(Agent|Prober|AdSense|Sites)|google_partner|Cloudflare|-Google/"
        ),
        "is a library": (
            r"(?i)^(java|ruby|perl|php|curl|node|got|libwww|okhttp|axios|reqwest|undici|httpx)\b"
            r"|\b(http|curl|rest).?client\b|^[\w.-]*(urllib|requests|guzzle)"
        ),
        "gives a web address": r"(?i)https?://|\bwww\.",
        "gives a mail address": (
            r"[\w.+-]+(@|\[at\]| at )[\w-]+(\.| dot )[A-Za-z]|mailto:|\b[Cc]ontact[:; ]|\b[Aa]buse"
        ),
        "is compatible with no browser": (
            r"^Mozilla/\d\.\d+ \(compatible(; ?[\w. -]+(/v?[\d.]+\w*)?[;) ]|\))|[(; ]compatible; [\w -]+/[\d.]+\)"
        ),
        "adds to like Gecko": r"like Gecko\)?; ?[A-Za-z]",
        "gives one name and no system": r"^[\w.-]+/v?\d[\w.]*$",
        "gives Mozilla and no system": r"^Mozilla/\d\.\d+( \([^(); ]+\)|( [A-Za-z][^\s;]*){1,2})?$",
        "is a placeholder": (
            r"(?i)user.?agent|geckoversion|W\.X\.Y\.Z|\{\{|\$\{|<\?|^(firefox|chrome|google|url|robots?|hello.*)$"
        ),
    }
)
"""Name of a rule -> its pattern. For an automaton: no pattern looks ahead or back."""

PEOPLE = (
    r"Android[ /][\w.]+; ?(?:[a-z]{2}[-_][A-Za-z]{2}; ?)?[^;()]+",  # a phone's model: `M bot 51`, `ViewSonic V500`
    r"(?i:\bcubot)[\w -]*|ViewSonic[\w-]*|\b(?:TS1|A95B2)008/",  # makers and models in other places
    r"\[FB[^\]]*",  # added by apps of Facebook to their browser
    r"Sogou(?:MSE|MobileBrowser|Search Android|mse)",  # browsers of a search engine
    r"(?<=[\d)] )(?:Viber|WhatsApp|Fluid|Code)/|\bSonic Slack_SSB/",  # apps, after a browser's name
    r"\(compatible; (?:MSIE|Konqueror|NetPositive|NCBrowser|IBrowse|WAChat|ms-office|Polaris|Linux|U)\b",
    r"http://(?:bsalsa\.com|www\.xbmc\.org)",  # addresses in browsers and players
    r"^[^/]+/[\d.]+ CFNetwork/.*",  # an app on Apple's systems
    # An app that plays media, on a person's device:
    r"^(?!.*(?i:bot\b|crawl|spider|parser|fetch|valid|subscriber|finder|check|lookup))"
    r"(?=[^()]*(?:[Pp]od|[Cc]ast|CAST|[Mm]usic|[Rr]adio|[Aa]udio|iPhone|iPad|AirPlay|AppleTV|Zune)).*",
)
"""Texts of browsers, phones and apps of people that a rule would take for a robot."""

RULES = (*((row["pattern"],) * 2 for row in CRAWLER_USER_AGENTS_DATA), *SAYINGS.items())
"""Name and pattern. A listed robot's pattern is its name. The first match counts."""
_people = re.compile("|".join(PEOPLE))


def find_bot(user_agent: str) -> str | None:
    """The name of the rule that makes a user agent a robot; None for people.

    A text that no rule matches is read once. Otherwise the texts of people are removed, and the rest is read again.
    """
    rule = _first(user_agent)
    if rule is None:
        return None
    rest = _people.sub("-", user_agent)
    return rule if rest == user_agent else _first(rest)


def _first(text: str) -> str | None:
    found = _automaton().ua.extract(text)
    return None if found is None else RULES[int(found.family)][0]


@cache
def _automaton() -> Resolver:
    """All rules as one automaton, numbered by place. Built for the first user agent."""
    return Resolver(([UserAgentMatcher(pattern, str(place)) for place, (_, pattern) in enumerate(RULES)], [], []))
