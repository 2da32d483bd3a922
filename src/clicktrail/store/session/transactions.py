"""Each function of the store declares the kind of its transaction, so its callers need not know it."""

from collections.abc import Callable
from enum import Enum
from typing import Any, NamedTuple, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


class Write(Enum):
    """The purpose of a transaction. It decides which other transactions may run at the same time."""

    CLICKS = "adds clicks"
    QUEUE = "takes rows that no other process takes, and writes their results"
    UPKEEP = "replaces rows by their sums, while clicks are added"
    BESIDE = "changes and deletes rows that no new click needs, while clicks are added"
    CHANGE = "reads, decides and writes: as if no other transaction wrote at the same time"
    ALONE = "deletes or merges: while no process adds clicks"
    CATALOGUE = (
        "changes catalogue, revocations or salts: while no process adds clicks; afterwards every process reloads them"
    )


def _never(*_: object, **__: object) -> bool:
    return False


class Transaction(NamedTuple):
    """What a function declares. Without `write` it only reads, on one snapshot."""

    write: Write | None = None
    is_single: Callable[..., bool] = _never
    """Whether a call with these arguments runs a single statement, or reads and then adds all rows by one `insert`. The
    embedded engine then skips BEGIN and COMMIT."""


def transaction(write: Write, is_single: bool = False) -> Callable[[F], F]:
    """Declares what a function writes."""
    return _declare(Transaction(write, (lambda *_, **__: True) if is_single else _never))


def question(is_single: Callable[..., bool]) -> Callable[[F], F]:
    """Declares when a function reads by a single statement."""
    return _declare(Transaction(None, is_single))


def transaction_of(function: Callable[..., Any]) -> Transaction:
    """A function's declaration; by default, several reads on one snapshot."""
    declared: Transaction = getattr(function, "transaction", _QUESTION)
    return declared


_QUESTION = Transaction()


def _declare(declared: Transaction) -> Callable[[F], F]:
    def declare(function: F) -> F:
        function.transaction = declared  # type: ignore[attr-defined]
        return function

    return declare
