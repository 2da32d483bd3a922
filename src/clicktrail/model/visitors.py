"""Who is counted once: the visitor of a day, by address and user agent, under a salt that is thrown away.

While a day's salt is there, the same visitor has the same key. Once it is gone, nobody can find out from a key whose it
was, not by trying every address either; and the visitor of yesterday is another one today.
"""

import hashlib
import secrets
import time

_DAY_S = 86_400
SALT_BYTES = 32


def today() -> int:
    """Days since 1970-01-01, UTC."""
    return int(time.time()) // _DAY_S


def new_salt() -> str:
    """256 random bits in hex."""
    return secrets.token_hex(SALT_BYTES)


def visitor_of(salt: bytes, ip: str, user_agent: str | None) -> int:
    """The visitor's key: 64 bits, signed as both engines store them. `ip` is an address key."""
    text = ip if user_agent is None else f"{ip} {user_agent}"
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8, key=salt).digest(), "big", signed=True)
