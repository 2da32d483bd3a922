"""Visitor keys: one per day, address and user agent, under a salt that is deleted later.

While a day's salt exists, the same visitor has the same key. After its deletion no one can find the visitor of a key,
not even by trying every address. The same person has another key on another day.
"""

import hashlib
import secrets

from clicktrail.model.click import Click

SALT_BYTES = 32


def new_salt() -> str:
    """256 random bits in hex."""
    return secrets.token_hex(SALT_BYTES)


def visitor_of(salt: bytes, ip: str, user_agent: str | None) -> int:
    """The visitor key: 64 bits, signed as both engines store them. `ip` is an address key."""
    text = ip if user_agent is None else f"{ip} {user_agent}"
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8, key=salt).digest(), "big", signed=True)


def visitor_key(click: Click) -> int:
    """The key of a visitor on a link, for a click that has a link: 64 bits, signed.

    It uses the visitor key of the day. Clicks without a visitor key use the pair of address and user agent. The result
    is half of an MD5 (for speed, not secrecy): among ten million keys, the probability of two equal keys is below 1 in
    300,000.
    """
    if click.visitor is not None:
        visitor = str(click.visitor)
    else:
        visitor = click.ip + ("0" if click.user_agent is None else "1" + click.user_agent)
    digest = hashlib.md5(f"{click.link_id}{visitor}".encode(), usedforsecurity=False).digest()
    return int.from_bytes(digest[8:], "big", signed=True)
