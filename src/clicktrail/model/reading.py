"""The operator's rules for data that a request may leave open."""

from dataclasses import dataclass, replace
from datetime import UTC, tzinfo

from clicktrail.model.clock import SYSTEM_CLOCK, Clock
from clicktrail.model.privacy import KEEP_ALL, Policy


@dataclass(frozen=True)
class Reading:
    """The settings that parsers need."""

    is_strict: bool = True
    """Whether unknown keys and parameters are refused; otherwise they are ignored."""
    naive_zone: tzinfo | None = None
    """The zone of times without an offset; None refuses such times."""
    zone: tzinfo = UTC
    """The zone of dates in filters."""
    phone_region: str | None = None
    """The region of phone numbers without a country code; None refuses such numbers."""
    clock: Clock = SYSTEM_CLOCK
    """Clicks of its future are refused."""
    policy: Policy = KEEP_ALL
    """What is kept of addresses decides what filters can find."""

    def leniently(self) -> "Reading":
        """The same rules, but unknown keys and parameters are ignored."""
        return replace(self, is_strict=False)


STRICT = Reading()
"""The rules if nothing is set."""
