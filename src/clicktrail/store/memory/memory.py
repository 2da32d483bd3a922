"""What a process keeps in memory of its store.

It is built from the store at start, so a crash cannot lose or damage it. The writer's thread changes it right after
each commit. Values that other threads read are replaced, not altered.
"""

from clicktrail.model.click import Click
from clicktrail.model.clock import SYSTEM_CLOCK, Clock
from clicktrail.model.ids import IdGenerator
from clicktrail.model.privacy import KEEP_ALL, Policy
from clicktrail.store.memory.arrivals import Arrivals
from clicktrail.store.memory.newest import NewestClicks
from clicktrail.store.memory.published import Published
from clicktrail.store.memory.salts import Salts
from clicktrail.store.memory.signal import Signal
from clicktrail.store.memory.uuids import Uuids
from clicktrail.store.memory.visits import RecentVisits


class Memory:
    """One process's memory, in parts. `duplicate_window_us` is for `RecentVisits`; `policy` says what is stored."""

    def __init__(self, clock: Clock = SYSTEM_CLOCK, duplicate_window_us: int = 0, policy: Policy = KEEP_ALL) -> None:
        self.clock = clock
        self.policy = policy
        self.ids = IdGenerator(clock.unix_s)
        self.newest = NewestClicks()
        self.arrivals = Arrivals()
        self.published = Published(clock)
        self.salts = Salts(clock)
        self.visits = RecentVisits(clock, duplicate_window_us)
        self.uuids = Uuids()
        self.outbox = Signal()
        """Set when deliveries become due."""
        self.erased = Signal()
        """Set when a person was erased."""

    def recall(self, name_space: str | None, uuid: str) -> Click | None:
        """The stored click with this uuid, as it is now, if it is one of the newest."""
        click_id = self.uuids.recall(name_space, uuid)
        click = None if click_id is None else self.newest.find(click_id)
        return click if click is not None and (click.name_space, click.uuid) == (name_space, uuid) else None
