"""Recognises requests without a visitor: programs that show previews of links, and browsers that prefetch."""

import re
from collections.abc import Mapping
from functools import lru_cache

_NAMES = (
    "facebookexternalhit",
    "facebookcatalog",
    "Twitterbot",
    "LinkedInBot",
    "Slackbot-LinkExpanding",
    "Slack-ImgProxy",
    "Discordbot",
    "TelegramBot",
    "WhatsApp/",
    "SkypeUriPreview",
    "Viber",
    "vkShare",
    "Pinterestbot",
    "redditbot",
    "Embedly",
    "Iframely",
    "BingPreview",
    "Google-PageRenderer",
    "Mastodon/",
    "Bluesky Cardyb",
)
"""Their names in User-Agent, from the makers' documentation."""
_READ = 512
"""Characters of a header that are read, as in `ingest.agents`."""
_REMEMBERED = 8192
_search = re.compile("|".join(map(re.escape, _NAMES)), re.IGNORECASE).search


def is_preview(user_agent: str | None) -> bool:
    """Whether the request comes from a program that shows previews of links."""
    return user_agent is not None and _is_preview(user_agent[:_READ])


@lru_cache(_REMEMBERED)
def _is_preview(user_agent: str) -> bool:
    return _search(user_agent) is not None


PURPOSES = ("sec-purpose", "purpose", "x-purpose", "x-moz")
"""Headers in which browsers say why they ask. `Sec-Purpose` is the Fetch standard's; browsers sent the others before.
"""


def is_prefetch(headers: Mapping[str, str]) -> bool:
    """Whether a browser says that it prefetches."""
    for name in PURPOSES:
        said = headers.get(name)
        if said is not None and ("prefetch" in said or "preview" in said):
            return True
    return False
