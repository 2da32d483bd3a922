"""What a process keeps in memory of its store.

All of it is made from the store at start, so nothing of it can be lost, or be wrong after a crash. It is changed by the
writer's thread right after a commit, and replaced rather than altered where other threads read it.
"""

from clicktrail.model.clock import SYSTEM_CLOCK, Clock
from clicktrail.model.ids import IdGenerator
from clicktrail.store.memory.newest import NewestClicks
from clicktrail.store.memory.published import Published
from clicktrail.store.memory.salts import Salts
from clicktrail.store.memory.signal import Signal
from clicktrail.store.memory.visits import RecentVisits


class Memory:
    """One process's memory of its store, by its parts. `duplicate_window_us` is that of `RecentVisits`."""

    def __init__(self, clock: Clock = SYSTEM_CLOCK, duplicate_window_us: int = 0) -> None:
        self.clock = clock
        self.ids = IdGenerator(clock.unix_s)
        self.newest = NewestClicks()
        self.published = Published(clock)
        self.salts = Salts(clock)
        self.visits = RecentVisits(clock, duplicate_window_us)
        self.outbox = Signal()
        """Set once deliveries of postbacks are due."""
