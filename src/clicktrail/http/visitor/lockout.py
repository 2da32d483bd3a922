"""A lock against guessing: after too many failures an address, or the name of a user, is refused for a while."""

import math
from collections import deque

from clicktrail.errors import TooManyRequests
from clicktrail.http.visitor.limits import network_of
from clicktrail.model.clock import SYSTEM_CLOCK, Clock

_MAX_COUNTED = 100_000
"""Maximum number of remembered networks: about 50 MB if each has failed ten times."""


class Lockout:
    """Counts failures by network (`network_of`). After `failures` of them within `window_s`, the network is refused for
    `window_s`.

    A text that is not an address, such as a name, counts for itself; `what` then says in the refusal what is locked.
    At most `_MAX_COUNTED` networks are remembered. Beyond that, the network with the oldest last failure is dropped.
    """

    def __init__(
        self, failures: int, window_s: int, clock: Clock = SYSTEM_CLOCK, what: str = "from this address"
    ) -> None:
        self._what = what
        self._most = failures
        self._window_s = window_s
        self._clock = clock
        self._failures: dict[str, deque[float]] = {}
        """Network -> the times of its last failures. The network that failed last is at the end."""

    def refuse_locked(self, address: str) -> None:
        """Raises TooManyRequests while the network of the address is locked out."""
        times = self._failures.get(network_of(address))
        if not times or len(times) < self._most or times[-1] - times[0] >= self._window_s:
            return
        left = times[-1] + self._window_s - self._clock.passed_s()
        if left > 0:
            raise TooManyRequests(
                f"Too many failed attempts {self._what}.", headers={"Retry-After": str(math.ceil(left))}
            )

    def count_failure(self, address: str) -> None:
        network = network_of(address)
        times = self._failures.pop(network, None) or deque(maxlen=self._most)
        times.append(self._clock.passed_s())
        self._failures[network] = times
        if len(self._failures) > _MAX_COUNTED:
            del self._failures[next(iter(self._failures))]
