"""The users who sign in: their sessions, and how long each thing is valid (OWASP's and NIST's advice for sessions).

Times are microseconds since 1970-01-01 UTC.
"""

import msgspec

from clicktrail.model.access import Scope
from clicktrail.model.times import SECOND

_MINUTE = 60 * SECOND
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR

MIN_PASSWORD, MAX_PASSWORD = 12, 1024
"""Characters of a new password. There is no other rule (NIST SP 800-63B, section 3.1.1.2)."""
IDLE = 12 * _HOUR
"""A session that is not used for this time ends."""
LONGEST = 30 * _DAY
"""A session ends after this time, however much it is used."""
SEEN_EVERY = _MINUTE
"""`seen_time` is written at most once in this time."""
CONFIRMED = 5 * _MINUTE
"""How long a password that was typed allows what needs a password."""
FIRST_INVITATION, INVITATION = 30 * _MINUTE, 7 * _DAY
"""How long the link for the first user, and the link of an invitation, are valid."""
MAX_SESSIONS = 50
"""Sessions of one user; a further one ends the session that was unused for the longest time."""


class SignedIn(msgspec.Struct, frozen=True, kw_only=True):
    """A session with its user."""

    session_id: str
    user_id: str
    name: str
    scope: Scope
    partner_id: str | None
    create_time: int
    seen_time: int
    confirm_time: int
    """When the password was typed last."""
    end_time: int
    has_second_factor: bool

    def is_confirmed(self, now: int) -> bool:
        """Whether the password was typed a short time ago."""
        return now < self.confirm_time + CONFIRMED


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """What a sign-in is checked against."""

    user_id: str
    name: str
    enabled: bool
    password_hash: str | None
    """None until the user has accepted an invitation."""
    totp_secret: str | None
    """None without a second factor."""


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """What a user has shown at a sign-in."""

    user_id: str
    password_hash: str
    """The hash that the password fits. If the stored hash is another one by now, the proof is worth nothing."""
    totp_step: int | None = None
    """The time step of the code; each step is good for one sign-in."""


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """Where a session comes from, as its owner sees it in the list of sessions."""

    address: str
    user_agent: str


class OwnSession(msgspec.Struct, frozen=True, kw_only=True):
    """A row of a user's list of sessions."""

    session_id: str
    create_time: int
    seen_time: int
    end_time: int
    address: str
    user_agent: str


class Invited(msgspec.Struct, frozen=True, kw_only=True):
    """What an invitation is for. Both are None for the first user, who does not exist yet."""

    user_id: str | None
    name: str | None
