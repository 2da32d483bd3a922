"""Looks up the addresses of host names, so that a name server that never answers stops only its own partner's calls.

Each look-up has a thread of its own, because it cannot be cancelled: the threads are few (`places.py`), do not keep the
process from ending, and one partner has one of them at a time.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from ipaddress import IPv4Address, IPv6Address, ip_address
from threading import Thread

from clicktrail.delivery.places import Places
from clicktrail.model.clock import SYSTEM_CLOCK, Clock

Address = IPv4Address | IPv6Address
Resolver = Callable[[str, int], Sequence[str]]
"""Host and port -> addresses. It may block. Raises OSError."""
LONGEST_S = 5.0
"""Maximum seconds that a call waits for a look-up."""
_KEPT_S = 5.0
"""Seconds for which a failure is remembered."""
_MOST_KEPT = 1024
OWNER: ContextVar[str] = ContextVar("OWNER", default="")
"""The partner on whose behalf this task calls. The HTTP client has no other way to pass it on."""


class UnusableName(OSError):
    """A host name whose addresses were not found in time, or are not allowed. The text says which of the two."""


class _Running:
    """A look-up of an owner, and the number of calls that wait for it."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.waiting = 0
        self.has_thread = False
        self.is_dropped = False
        self.task: asyncio.Task[list[Address]]


def is_address(host: str) -> bool:
    """Whether a host is an address, not a name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def look_up(host: str, port: int) -> list[str]:
    """The addresses that the system's resolver finds. Blocks. Raises OSError."""
    return [str(place[0]) for *_, place in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


class Lookups:
    """The look-ups of one process. Each takes at most `longest_s`."""

    def __init__(self, resolver: Resolver = look_up, longest_s: float = LONGEST_S, clock: Clock = SYSTEM_CLOCK) -> None:
        self._resolver = resolver
        self._longest_s = longest_s
        self._clock = clock
        self._places = Places()
        self._running: dict[str, _Running] = {}
        self._failed: dict[tuple[str, str], tuple[float, str]] = {}

    async def find(self, host: str, port: int) -> list[Address]:
        """All addresses of a host, in the order to try them. Raises UnusableName."""
        if is_address(host):
            return [ip_address(host)]
        owner = OWNER.get() or host
        until, reason = self._failed.get((owner, host), (0.0, ""))
        if until > self._clock.passed_s():
            raise UnusableName(reason)
        try:
            async with asyncio.timeout(self._longest_s):
                return await self._wait(owner, host, port)
        except TimeoutError:
            raise self._fail(owner, host, f"{host} was not found within {self._longest_s:g} s") from None
        except OSError as error:
            raise self._fail(owner, host, f"cannot be reached: {error}") from None

    def close(self) -> None:
        """Gives up the look-ups that still run."""
        for running in self._running.values():
            running.task.cancel()

    async def _wait(self, owner: str, host: str, port: int) -> list[Address]:
        """The result of the owner's look-up of this host, after another one of this owner. The last caller who leaves
        ends it, if its thread has not begun."""
        while (running := self._running.get(owner)) is not None and (running.host != host or running.is_dropped):
            await asyncio.wait([running.task])
        if running is None:
            running = self._running[owner] = _Running(host)
            running.task = asyncio.create_task(self._look(running, owner, port))
            running.task.add_done_callback(lambda task: self._forget(owner, task))
        running.waiting += 1
        try:
            return await asyncio.shield(running.task)
        finally:
            running.waiting -= 1
            if not running.waiting and not running.task.done():
                self._leave(running, owner)

    def _leave(self, running: _Running, owner: str) -> None:
        if running.has_thread:
            self._places.leave(owner)
        else:
            running.is_dropped = running.task.cancel()

    async def _look(self, running: _Running, owner: str, port: int) -> list[Address]:
        await self._places.take(owner)
        running.has_thread, started = True, self._clock.passed_s()
        try:
            found = await _in_thread(self._resolver, running.host, port)
        finally:
            self._places.give_back(owner, is_in_time=self._clock.passed_s() - started < self._longest_s)
        return list(dict.fromkeys(ip_address(each.partition("%")[0]) for each in found))

    def _forget(self, owner: str, task: asyncio.Task[list[Address]]) -> None:
        del self._running[owner]
        if not task.cancelled():
            task.exception()  # perhaps no one waits for it any more

    def _fail(self, owner: str, host: str, reason: str) -> UnusableName:
        now = self._clock.passed_s()
        if len(self._failed) >= _MOST_KEPT:
            self._failed = {key: kept for key, kept in self._failed.items() if kept[0] > now}
        if len(self._failed) < _MOST_KEPT:
            self._failed[owner, host] = (now + _KEPT_S, reason)
        return UnusableName(reason)


async def _in_thread(resolver: Resolver, host: str, port: int) -> Sequence[str]:
    """Runs a resolver in a thread that does not outlive the process."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Sequence[str]] = loop.create_future()

    def settle(found: Sequence[str] | None, error: BaseException | None) -> None:
        if done.cancelled():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(found or ())

    def work() -> None:
        found, failed = None, None
        try:
            found = resolver(host, port)
        except Exception as error:  # noqa: BLE001 - whoever waits must get an answer
            failed = error if isinstance(error, OSError) else OSError(f"{host} cannot be looked up")
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle, found, failed)

    Thread(target=work, name="look-up", daemon=True).start()
    return await done
