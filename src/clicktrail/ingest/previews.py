"""Programs that look at a link to show a preview of it: a person shared it, nobody has come yet."""

import re

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
"""How each names itself in its User-Agent, as its maker's documentation has it."""
_is_preview = re.compile("|".join(map(re.escape, _NAMES)), re.IGNORECASE).search


def is_preview(user_agent: str | None) -> bool:
    """Whether a program asks that shows previews of links."""
    return user_agent is not None and _is_preview(user_agent) is not None
