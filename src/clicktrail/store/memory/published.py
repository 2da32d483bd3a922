"""Catalogue and revocations in memory, as of the version that this process read last."""

from clicktrail.model.catalogue import Catalogue
from clicktrail.model.clock import Clock

JUST_S = 60.0
"""Longer than any click waits between being made and being stored."""


class Published:
    """What every process reads again whenever one of them has changed it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.catalogue = Catalogue()
        self.revoked: frozenset[str] = frozenset()
        self.version = 0
        """Grows where several processes change the store."""
        self._learned_at = -JUST_S

    def learn(self, catalogue: Catalogue, revoked: frozenset[str], version: int) -> bool:
        """Takes over what a version says; returns False, and changes nothing, for an older version than is known."""
        if version < self.version:
            return False
        self._learned_at = self._clock.passed_s()
        self.catalogue, self.revoked, self.version = catalogue, revoked, version
        return True

    def is_new(self) -> bool:
        """Whether a click that is about to be stored may have been made with an older catalogue than this one."""
        return self._clock.passed_s() < self._learned_at + JUST_S
