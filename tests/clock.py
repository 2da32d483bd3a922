"""A clock that a test can set."""

from clicktrail.model.clock import SYSTEM_CLOCK, Clock
from clicktrail.model.times import SECOND


class SetClock(Clock):
    """The system's clock, ahead of it by what a test has said."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def now_us(self) -> int:
        return SYSTEM_CLOCK.now_us() + int(self.ahead_s * SECOND)

    def passed_s(self) -> float:
        return SYSTEM_CLOCK.passed_s() + self.ahead_s
