"""What kind of transaction a function of the store needs: the function declares it, so its callers need not know."""

from collections.abc import Callable
from enum import Enum
from typing import Any, NamedTuple, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


class Write(Enum):
    """What a transaction does, and so what it must be kept apart from where several processes write."""

    CLICKS = "adds clicks"
    QUEUE = "takes rows that nobody else takes, and says what became of those it took"
    CHANGE = "reads, decides and writes: as if nobody wrote beside it"
    ALONE = "changes what is counted of clicks: while nobody adds clicks"
    CATALOGUE = "changes catalogue, revocations or salts: alone; afterwards every process reads them again"


def _never(*_: object, **__: object) -> bool:
    return False


class Transaction(NamedTuple):
    """What a function declares. Without a `write` it only asks, on one snapshot."""

    write: Write | None = None
    is_single: Callable[..., bool] = _never
    """By the function's arguments, session aside: whether it runs a single statement, or adds all its rows by a single
    `insert` after what it reads. The embedded engine then needs no BEGIN and COMMIT."""


def transaction(write: Write, is_single: bool = False) -> Callable[[F], F]:
    """Declares what a function writes."""
    return _declare(Transaction(write, (lambda *_, **__: True) if is_single else _never))


def question(is_single: Callable[..., bool]) -> Callable[[F], F]:
    """Declares when a function asks a single statement."""
    return _declare(Transaction(None, is_single))


def transaction_of(function: Callable[..., Any]) -> Transaction:
    """What a function declares; a question of several statements where it declares nothing."""
    declared: Transaction = getattr(function, "transaction", _QUESTION)
    return declared


_QUESTION = Transaction()


def _declare(declared: Transaction) -> Callable[[F], F]:
    def declare(function: F) -> F:
        function.transaction = declared  # type: ignore[attr-defined]
        return function

    return declare
