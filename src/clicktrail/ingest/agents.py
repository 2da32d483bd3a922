"""Who clicked, by the User-Agent header: browser, operating system, kind of device, and whether it is a robot.

Names come from `ua-parser`, robots from `ingest.robots`. Each text is looked at once and then remembered; what no rule
knows stays unknown.
"""

import re
from functools import lru_cache
from typing import NamedTuple

import ua_parser

from clicktrail.ingest.robots import find_bot

_READ = 512
"""Characters of a header that are looked at: names stand in front, and hostile texts are long."""
_REMEMBERED = 8192
_DEVICES = (
    ("tv", r"Smart-?TV|Apple ?TV|BRAVIA|GoogleTV|Roku|AFT[A-Z]|\bTV\b|HbbTV|CrKey"),
    ("console", r"PlayStation|Xbox|Nintendo"),
    ("watch", r"Watch ?OS|Apple Watch|Wear OS"),
    ("tablet", r"iPad|Tablet|Kindle|Silk/(?!.*Mobile)|PlayBook|^(?!.*Mobile).*Android"),
    ("phone", r"iPhone|iPod|Windows Phone|Android|Mobile|BlackBerry|Opera Mini|KAIOS"),
    ("desktop", r"Windows NT|Macintosh|X11|CrOS"),
)
"""Kind of device -> what a user agent of it says; the first that fits."""
_devices = tuple((name, re.compile(pattern).search) for name, pattern in _DEVICES)


class Agent(NamedTuple):
    """What a user agent says of itself. `bot` is the rule that took it for a robot, empty for none; None: not known."""

    device: str | None
    browser: str | None
    os: str | None
    bot: str | None


UNKNOWN = Agent(None, None, None, None)


def find_agent(user_agent: str | None) -> Agent:
    """A User-Agent header -> what it says. Without one nothing is known."""
    return _find(user_agent[:_READ]) if user_agent else UNKNOWN


@lru_cache(_REMEMBERED)
def _find(user_agent: str) -> Agent:
    bot = find_bot(user_agent) or ""
    parsed = ua_parser.parse(user_agent)
    device = None if bot else next((name for name, search in _devices if search(user_agent)), None)
    return Agent(
        device,
        parsed.user_agent.family if parsed.user_agent else None,
        parsed.os.family if parsed.os else None,
        bot,
    )
