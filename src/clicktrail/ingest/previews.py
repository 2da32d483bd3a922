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


def is_prefetch(headers: Mapping[str, str]) -> bool:
    """Whether a browser says that it prefetches.

    `Sec-Purpose` is the Fetch standard's header; browsers sent the others before it.
    """
    said = (headers.get(name, "") for name in ("sec-purpose", "purpose", "x-purpose", "x-moz"))
    return any("prefetch" in text or "preview" in text for text in said)
