"""Who is counted once: the visitor of a day, by address and user agent, under a salt that is thrown away.

While a day's salt is there, the same visitor has the same key. Once it is gone, nobody can find out from a key whose it
was, not by trying every address either; and the visitor of yesterday is another one today.
"""

import hashlib
import secrets

from clicktrail.model.click import Click

SALT_BYTES = 32


def new_salt() -> str:
    """256 random bits in hex."""
    return secrets.token_hex(SALT_BYTES)


def visitor_of(salt: bytes, ip: str, user_agent: str | None) -> int:
    """The visitor's key: 64 bits, signed as both engines store them. `ip` is an address key."""
    text = ip if user_agent is None else f"{ip} {user_agent}"
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8, key=salt).digest(), "big", signed=True)


def visitor_key(click: Click) -> int:
    """The key of a visitor on a link, for a click that has a link: 64 bits, signed.

    The visitor is that of the day; for clicks without such a key, a distinct pair of address and user agent. The key is
    half of an MD5 (speed, not secrecy): two of ten million keys are equal with a probability under one in 300,000.
    """
    if click.visitor is not None:
        visitor = str(click.visitor)
    else:
        visitor = click.ip + ("0" if click.user_agent is None else "1" + click.user_agent)
    digest = hashlib.md5(f"{click.link_id}{visitor}".encode(), usedforsecurity=False).digest()
    return int.from_bytes(digest[8:], "big", signed=True)
