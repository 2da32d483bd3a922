"""The salts of visitors in memory."""

from collections.abc import Mapping

from clicktrail.model.clock import Clock


class Salts:
    """Today's salt and tomorrow's, as the store has them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.by_day: Mapping[int, bytes] = {}

    @property
    def current(self) -> bytes:
        """Today's salt; the latest one where the day is later than all."""
        return self.by_day.get(self._clock.today()) or self.by_day[max(self.by_day)]

    def is_due(self) -> bool:
        """Whether a salt is missing, or one of a day that is over is still there."""
        return self.by_day.keys() != {self._clock.today(), self._clock.today() + 1}
