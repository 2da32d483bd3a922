"""The salts of visitor keys in memory."""

from collections.abc import Mapping

from clicktrail.model.clock import Clock


class Salts:
    """The salts of today and tomorrow, as in the store."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.by_day: Mapping[int, bytes] = {}

    @property
    def current(self) -> bytes:
        """Today's salt; if it is missing, the latest one."""
        return self.by_day.get(self._clock.today()) or self.by_day[max(self.by_day)]

    def is_due(self) -> bool:
        """Whether a salt is missing, or a past day's salt is still kept."""
        return self.by_day.keys() != {self._clock.today(), self._clock.today() + 1}
