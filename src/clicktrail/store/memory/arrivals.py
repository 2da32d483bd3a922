"""Hands new clicks to a listener, right after they were stored."""

from collections.abc import Callable, Sequence

from clicktrail.model.click import Click

Listen = Callable[[Sequence[Click]], None]


class Arrivals:
    """The writer calls `add` after each batch. Without a listener that costs one comparison."""

    def __init__(self) -> None:
        self._listen: Listen | None = None

    def listen(self, listen: Listen | None) -> None:
        """Calls `listen` in the writer's thread with the clicks of each batch from now on; None ends that."""
        self._listen = listen

    def add(self, clicks: Sequence[Click]) -> None:
        """Called after clicks were committed, but not for imported history."""
        listen = self._listen
        if listen is not None:
            listen(clicks)
