"""Visitor keys: one per day, address and user agent, under a salt that is deleted later.

While a day's salt exists, the same visitor has the same key. After its deletion no one can find the visitor of a key,
not even by trying every address. The same person has another key on another day.
"""

import hashlib
import secrets
import struct

from clicktrail.model.click import Click
from clicktrail.model.times import DAY_US

SALT_BYTES = 32
_md5, _second_half = hashlib.md5, struct.Struct(">8xq").unpack


def new_salt() -> str:
    """256 random bits in hex."""
    return secrets.token_hex(SALT_BYTES)


def visitor_of(salt: bytes, ip: str, user_agent: str | None) -> int:
    """The visitor key: 64 bits, signed as both engines store them. `ip` is an address key."""
    text = ip if user_agent is None else f"{ip} {user_agent}"
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8, key=salt).digest(), "big", signed=True)


def visit_key(click: Click) -> int:
    """The key of one visitor on one link on one UTC day: 64 bits, signed. Clicks without a link have keys as well.

    A visitor is an address and a user agent; the day is that of the click's `time`. Robots have other keys, because the
    rules that recognise them change. The key is half of an MD5 (for speed, not secrecy): among ten million keys, the
    probability of two equal keys is below 1 in 300,000.
    """
    agent = "" if click.user_agent is None else f" {click.user_agent}"
    kind = "r" if click.bot else "p"
    text = f"{click.link_id or ''} {click.ip} {click.time - click.time % DAY_US} {kind}{agent}"
    key: int = _second_half(_md5(text.encode(), usedforsecurity=False).digest())[0]
    return key


def day_of(time: int) -> int:
    """The first microsecond of the UTC day."""
    return time - time % DAY_US
