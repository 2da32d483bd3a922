"""Hashes of texts by which clicks are found: scanning 32-bit numbers takes a tenth of scanning texts.

They only narrow a search; the text itself is always compared too.
"""

import hashlib

VISITOR_SQL = "coalesce(c.visitor::TEXT, c.ip || coalesce('1' || c.user_agent, '0'))"
"""Identifies a visitor of a link. Same rule as `model.visitors.visitor_key`."""


def text_hash(text: str | None) -> int | None:
    """The first 32 bits of the text's MD5 (for speed, not secrecy)."""
    if text is None:
        return None
    return int.from_bytes(hashlib.md5(text.encode(), usedforsecurity=False).digest()[:4], "big")
