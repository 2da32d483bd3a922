"""How requests are read: what the operator has settled about things that a request may leave open."""

from dataclasses import dataclass, replace
from datetime import UTC, tzinfo


@dataclass(frozen=True)
class Reading:
    """The settings that the parsers need: one small value, handed to each of them."""

    is_strict: bool = True
    """Whether keys and parameters that the API has never heard of are refused; otherwise they are ignored."""
    naive_zone: tzinfo | None = None
    """The zone of times without an offset; None: they are refused."""
    zone: tzinfo = UTC
    """The zone of dates in filters."""
    phone_region: str | None = None
    """The region of phone numbers without a country code; None: they are refused."""

    def leniently(self) -> "Reading":
        """The same, but ignoring what is unknown."""
        return replace(self, is_strict=False)


STRICT = Reading()
"""What holds where nothing is set."""
