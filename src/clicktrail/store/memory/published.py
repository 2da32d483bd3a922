"""Catalogue and revocations in memory, in the version that this process read last."""

from clicktrail.model.catalogue import Catalogue
from clicktrail.model.clock import Clock

JUST_S = 60.0
"""Longer than any click waits between being made and being stored."""


class Published:
    """Data that every process reloads after one of them changed it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.catalogue = Catalogue()
        self.revoked: frozenset[str] = frozenset()
        self.version = 0
        """Grows only if several processes change the store."""
        self._learned_at = -JUST_S

    def learn(self, catalogue: Catalogue, revoked: frozenset[str], version: int) -> bool:
        """Replaces the content by the content of `version`. Returns False, without a change, if `version` is older."""
        if version < self.version:
            return False
        self._learned_at = self._clock.passed_s()
        self.catalogue, self.revoked, self.version = catalogue, revoked, version
        return True

    def is_new(self) -> bool:
        """Whether a click that is about to be stored may come from an older catalogue."""
        return self._clock.passed_s() < self._learned_at + JUST_S
