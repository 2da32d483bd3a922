"""Erasing one person: the keys that find a person, what happens to the clicks, and the receipt."""

import hashlib
import secrets
from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from clicktrail.model.click import Click
from clicktrail.model.visitors import day_of, visitor_of

_STRIPPED = (
    "user_agent",
    "referrer",
    "referrer_host",
    "uuid",
    "name_space",
    "latitude",
    "longitude",
    "utm_term",
    "utm_content",
)
"""The fields of a click that are null afterwards."""
NO_ONE = "60100000000000000"
"""The key of the block 100::/64, which no one has (RFC 6666), without its last 64 bits."""


class Key(StrEnum):
    """By what a person is found."""

    CONTACT = "contact"
    UUID = "uuid"
    VISITOR_ID = "visitor_id"
    CLICK_ID = "click_id"
    PROFILE_ID = "profile_id"


class Clicks(StrEnum):
    """What happens to the clicks of an erased person."""

    STRIP = "strip"
    """They stay, without what leads to the person. All counts stay."""
    DELETE = "delete"


class Named(NamedTuple):
    """What names a person: all spellings of one value."""

    key: Key
    values: tuple[str, ...]


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows of each kind were erased or stripped."""

    profiles: int = 0
    contacts: int = 0
    identities: int = 0
    clicks: int = 0
    registrations: int = 0
    deliveries: int = 0


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of an erasure. It holds no personal data. Times are microseconds."""

    erasure_id: str
    time: int
    mode: Clicks
    counts: Counts
    gone_time: int | None = None
    """When the bytes were deleted from the files of the store; None: not yet."""


class Strangers:
    """Made-up values that replace values which lead to a person: one for each old value, so that all counts stay.

    They are hashes with a random secret, which is forgotten. Who keeps it for a while gets the same values again.
    """

    def __init__(self, secret: bytes | None = None) -> None:
        self._secret = secret or secrets.token_bytes(32)

    def name(self, old: str | None) -> str | None:
        """24 hex digits in the place of a visitor id."""
        return None if old is None else self._hash(12, "name", old)

    def profile(self, old: str) -> str:
        """An id that no profile has. It keeps the second in which the profile was made."""
        return old[:8] + self._hash(8, "profile", old)

    def address(self, click: Click) -> str:
        """An address key of the block 100::/64: one for each visitor of each day."""
        return NO_ONE + self._hash(8, "address", click.ip, click.user_agent, day_of(click.time))

    def _hash(self, size: int, *values: str | int | None) -> str:
        return hashlib.blake2b(repr(values).encode(), digest_size=size, key=self._secret).hexdigest()


def is_stripped(click: Click) -> bool:
    """Whether nothing in the click leads to its person any more."""
    return click.ip.startswith(NO_ONE)


def strip_click(click: Click, strangers: Strangers, profiles: Mapping[str, str]) -> Click:
    """The click without what leads to its person. `profiles`: the ids that take the place of profiles' ids."""
    ip = strangers.address(click)
    return replace(
        click,
        ip=ip,
        visitor=visitor_of(ip, None, click.time),
        visitor_id=strangers.name(click.visitor_id),
        profile_id=profiles.get(click.profile_id or "", click.profile_id),
        uri=click.uri.partition("#")[0].partition("?")[0],
        **dict.fromkeys(_STRIPPED),
    )
