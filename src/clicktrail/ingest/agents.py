"""Browser, operating system, kind of device and robot, from the User-Agent header.

Names come from `ua-parser`, robots from `ingest.robots`. Results are cached. Without a matching rule a value stays
unknown.
"""

import re
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import NamedTuple

from ua_parser.loaders import load_lazy_builtins
from ua_parser.regex import Resolver

from clicktrail.ingest.robots import find_bot

_READ = 512
"""Characters of a header that are read. Names are at the start, and hostile texts are long."""
_REMEMBERED = 8192
_DEVICES = (
    ("tv", r"Smart-?TV|Apple ?TV|BRAVIA|GoogleTV|Roku|AFT[A-Z]|TV\b(?<=\bTV)|HbbTV|CrKey"),
    ("console", r"PlayStation|Xbox|Nintendo"),
    ("watch", r"Watch ?OS|Apple Watch|Wear OS"),
    ("tablet", r"iPad|Tablet|Kindle|Silk/(?!.*Mobile)|PlayBook|^(?!.*Mobile).*Android"),
    ("phone", r"iPhone|iPod|Windows Phone|Android|Mobile|BlackBerry|Opera Mini|KAIOS"),
    ("desktop", r"Windows NT|Macintosh|X11|CrOS"),
)
"""Kind of device -> pattern; the first match counts. An alternative that begins with a letter is found faster."""
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


def find_agents(user_agents: Sequence[str | None]) -> list[Agent]:
    """`find_agent` of each; each distinct header is read once."""
    found = {user_agent: find_agent(user_agent) for user_agent in set(user_agents)}
    return [found[user_agent] for user_agent in user_agents]


@lru_cache(_REMEMBERED)
def _find(user_agent: str) -> Agent:
    bot = find_bot(user_agent) or ""
    names = _names()
    browser, system = names.ua.extract(user_agent), names.os.extract(user_agent)
    device = None if bot else next((name for name, search in _devices if search(user_agent)), None)
    return Agent(
        device,
        browser.family if browser is not None else None,
        system.family if system is not None else None,
        bot,
    )


@cache
def _names() -> Resolver:
    """The rules of `ua-parser`. Its own `parse` also looks for the model of a device, which takes most of the time."""
    return Resolver(load_lazy_builtins())
