"""Hashes of passwords: argon2id with the parameters of OWASP's password storage cheat sheet (ADR 39)."""

import asyncio
import base64
import secrets
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from clicktrail.errors import Unavailable

_MEMORY_KIB, _PASSES, _LANES = 19 * 1024, 2, 1
_THREADS = 2
"""Hashes at once. Each takes a core for 15 ms and 19 MiB, so sign-ins cannot take the whole machine."""
_MAX_WAITING = 100
"""Hashes that wait or run. Beyond this a sign-in would wait for about two seconds, and is refused."""
T = TypeVar("T")


class Passwords:
    """Makes and checks hashes, in its own threads. Belongs to one event loop."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=_PASSES, memory_cost=_MEMORY_KIB, parallelism=_LANES, type=Type.ID)
        self._threads = ThreadPoolExecutor(_THREADS, "password")
        self._nobodys = f"$argon2id$v=19$m={_MEMORY_KIB},t={_PASSES},p={_LANES}${_random(16)}${_random(32)}"
        """Fits no password. To make it from one would delay every start."""
        self._waiting = 0

    async def hash(self, password: str) -> str:
        """A salted hash with its parameters. Raises Unavailable if too many hashes wait."""
        return await self._run(partial(self._hasher.hash, _one_form(password)))

    async def check(self, stored: str | None, password: str) -> bool:
        """Whether the password fits the hash. Without a hash the answer is False, and takes the same time.

        Raises Unavailable if too many hashes wait.
        """
        is_right = await self._run(partial(self.fits, stored or self._nobodys, password))
        return is_right and stored is not None

    def fits(self, stored: str, password: str) -> bool:
        """Compares in this thread, in about 15 ms."""
        try:
            return self._hasher.verify(stored, _one_form(password))
        except (VerificationError, InvalidHashError):
            return False

    def close(self) -> None:
        self._threads.shutdown()

    async def _run(self, work: Callable[[], T]) -> T:
        if self._waiting >= _MAX_WAITING:
            raise Unavailable("Too many people sign in at once.", headers={"Retry-After": "5"})
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1


def _random(size: int) -> str:
    """Random bytes in base64 without padding."""
    return base64.b64encode(secrets.token_bytes(size)).decode().rstrip("=")


def _one_form(password: str) -> str:
    """Keyboards of different systems send the same letters as different code points (Unicode NFC makes them equal)."""
    return unicodedata.normalize("NFC", password)
