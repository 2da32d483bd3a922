"""Browser, operating system, kind of device and robot, from the User-Agent header.

Names come from `ua-parser`, robots from `ingest.robots`. Results are cached. Without a matching rule a value stays
unknown.
"""

import re
from functools import lru_cache
from typing import NamedTuple

import ua_parser

from clicktrail.ingest.robots import find_bot

_READ = 512
"""Characters of a header that are read. Names are at the start, and hostile texts are long."""
_REMEMBERED = 8192
_DEVICES = (
    ("tv", r"Smart-?TV|Apple ?TV|BRAVIA|GoogleTV|Roku|AFT[A-Z]|\bTV\b|HbbTV|CrKey"),
    ("console", r"PlayStation|Xbox|Nintendo"),
    ("watch", r"Watch ?OS|Apple Watch|Wear OS"),
    ("tablet", r"iPad|Tablet|Kindle|Silk/(?!.*Mobile)|PlayBook|^(?!.*Mobile).*Android"),
    ("phone", r"iPhone|iPod|Windows Phone|Android|Mobile|BlackBerry|Opera Mini|KAIOS"),
    ("desktop", r"Windows NT|Macintosh|X11|CrOS"),
)
"""Kind of device -> pattern; the first match counts."""
_devices = tuple((name, re.compile(pattern).search) for name, pattern in _DEVICES)


class Agent(NamedTuple):
    """What a user agent says. `bot` is the rule that found a robot; empty: no robot; None: unknown."""

    device: str | None
    browser: str | None
    os: str | None
    bot: str | None


UNKNOWN = Agent(None, None, None, None)


def find_agent(user_agent: str | None) -> Agent:
    """Reads a User-Agent header. Without one everything is unknown."""
    return _find(user_agent[:_READ]) if user_agent else UNKNOWN


@lru_cache(_REMEMBERED)
def _find(user_agent: str) -> Agent:
    bot = find_bot(user_agent) or ""
    parsed = ua_parser.parse(user_agent)
    device = None if bot else next((name for name, search in _devices if search(user_agent)), None)
    return Agent(
        device, parsed.user_agent.family if parsed.user_agent else None, parsed.os.family if parsed.os else None, bot
    )
