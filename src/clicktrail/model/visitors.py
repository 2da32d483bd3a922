"""Keys of visitors: of a day, of a visit to a link, and of a browser in a name space.

A visitor is an address and a user agent on one UTC day.
"""

import hashlib
import secrets
import struct
from functools import lru_cache

from clicktrail.model.addresses import WHOLE_LENGTHS
from clicktrail.model.click import Click
from clicktrail.model.times import DAY_US

SALT_BYTES = 32
_md5, _second_half = hashlib.md5, struct.Struct(">8xq").unpack


def new_salt() -> str:
    """256 random bits in hex."""
    return secrets.token_hex(SALT_BYTES)


def browser_of(salt: bytes, ip: str, user_agent: str | None) -> int:
    """The key of a browser in the name space of a site's public key: 64 bits, signed. `ip` is an address key.

    The salt is deleted after its day. After that no one can find its owner, not even by trying every address.
    """
    text = ip if user_agent is None else f"{ip} {user_agent}"
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8, key=salt).digest(), "big", signed=True)


def visitor_of(ip: str, user_agent: str | None, time: int) -> int:
    """The key of a visitor on the UTC day of a click's `time`: 64 bits, signed. `session.counted.VISITOR_KEY` in SQL.

    It is half of an MD5 (for speed, not secrecy): the address is in the same row. Among ten million visitors, the
    probability of two equal keys is below 1 in 300,000.
    """
    return _key_of(
        f"{ip} {time - time % DAY_US}" if user_agent is None else f"{ip} {time - time % DAY_US} {user_agent}"
    )


def secret_visitor_of(salt: bytes, ip: str, user_agent: str | None, time: int) -> int:
    """The key of a visitor where the address or the user agent is not kept: 64 bits, signed.

    The salt is deleted after its day, so that no one can find the address by trying all of them.
    """
    return browser_of(salt, f"{ip} {time - time % DAY_US}", user_agent)


def rename_visitor(salt: str, visitor: int) -> int:
    """The key in place of a visitor's key that may be computed from an address. Equal keys stay equal."""
    return _key_of(f"{salt}{visitor}")


def is_whole(click: Click) -> bool:
    """Whether address and user agent of a stored click are whole: then the key of its visitor can be computed."""
    return len(click.ip) in WHOLE_LENGTHS and (click.user_agent is not None or click.bot is None)


def day_visitor(click: Click) -> int:
    """The key of a click's visitor. It is computed if it can be: an earlier version may have stored another one.
    `session.counted.IS_COMPUTED` in SQL."""
    if click.visitor is None or is_whole(click):
        return visitor_of(click.ip, click.user_agent, click.time)
    return click.visitor


def visit_key(click: Click) -> int:
    """The key of one visitor on one link on one UTC day: 64 bits, signed. Clicks without a link have keys as well.

    A visitor is an address and a user agent; the day is that of the click's `time`. Robots have other keys, because the
    rules that recognise them change. The key is the exclusive or of the visitor's key and a hash of link and kind:
    among ten million keys, the probability of two equal keys is below 1 in 300,000.
    """
    return key_of_visit(day_visitor(click), click.link_id, bool(click.bot))


def new_visit_key(click: Click) -> int:
    """`visit_key`, for a click that is not yet stored: its visitor's key is known."""
    return visit_key(click) if click.visitor is None else click.visitor ^ _link_key(click.link_id, bool(click.bot))


def key_of_visit(visitor: int, link_id: str | None, is_bot: bool) -> int:
    """`visit_key`, by the key of the visitor."""
    return visitor ^ _link_key(link_id, is_bot)


@lru_cache(maxsize=16_384)
def _link_key(link_id: str | None, is_bot: bool) -> int:
    return _key_of(f"{link_id or ''} {'r' if is_bot else 'p'}")


def _key_of(text: str) -> int:
    key: int = _second_half(_md5(text.encode(), usedforsecurity=False).digest())[0]
    return key


def day_of(time: int) -> int:
    """The first microsecond of the UTC day."""
    return time - time % DAY_US
