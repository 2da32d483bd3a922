"""The application creates the clock and passes it on. Tests pass a clock that they can set."""

import time

from clicktrail.model.times import DAY_US, SECOND


class Clock:
    """The time of day, and a monotonic clock. A test's clock overrides `now_us` and `passed_s`."""

    def now_us(self) -> int:
        """Microseconds since 1970-01-01 UTC."""
        return time.time_ns() // 1000

    def passed_s(self) -> float:
        """Seconds since an arbitrary moment; they never decrease."""
        return time.monotonic()

    def now_s(self) -> int:
        """The whole second, in microseconds. `createTime` and `updateTime` use it."""
        return self.now_us() // SECOND * SECOND

    def unix_s(self) -> float:
        """Seconds since 1970-01-01 UTC."""
        return self.now_us() / SECOND

    def today(self) -> int:
        """Days since 1970-01-01, UTC."""
        return self.now_us() // DAY_US


SYSTEM_CLOCK = Clock()
