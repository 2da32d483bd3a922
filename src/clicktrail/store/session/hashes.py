"""Hashes of texts that clicks are looked up by: a scan of 32-bit numbers takes a tenth of a scan of texts.

They only narrow a search; the text itself is always compared as well.
"""

import hashlib

VISITOR_SQL = "coalesce(c.visitor::TEXT, c.ip || coalesce('1' || c.user_agent, '0'))"
"""What tells a visitor of a link from others, as `model.visitors.visitor_key` has it."""


def text_hash(text: str | None) -> int | None:
    """The first 32 bits of the text's MD5 (speed, not secrecy)."""
    if text is None:
        return None
    return int.from_bytes(hashlib.md5(text.encode(), usedforsecurity=False).digest()[:4], "big")
