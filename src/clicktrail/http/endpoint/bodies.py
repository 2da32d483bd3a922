"""Reads whole bodies, with a limit on size and time."""

import asyncio

from starlette.types import Message, Receive, Scope

from clicktrail.errors import MalformedRequest, SlowBody, TooLarge

_DRAINED_BYTES = 64 * 1024 * 1024
"""An oversized body is read up to this size, so that its sender can receive the answer."""
LATE_AT = "clicktrail.late_at"
"""Scope key of the deadline for the body, set if the server has already waited for the body."""
MIN_RATE = 16 * 1024
"""Bytes a second. The time limit grows with the bytes that have arrived, so large bodies may use slow lines."""


async def read_body(receive: Receive, limit: int, pause_s: float, moment: float) -> bytes:
    """The whole body, never a part of it.

    Raises TooLarge after reading the rest, so that the sender can receive the answer. Raises SlowBody when the event
    loop's clock shows `moment` plus one second for each MIN_RATE bytes that have arrived, and `pause_s` after the last
    bytes. Raises MalformedRequest if the sender left before the end, because half of a batch can look like a whole
    batch.
    """
    chunks: list[bytes] = []
    size, clock = 0, asyncio.get_running_loop().time
    while True:
        try:
            message = await receive_before(receive, min(moment + min(size, limit) / MIN_RATE, clock() + pause_s))
        except SlowBody:
            if size > limit:  # the body is too large already
                break
            raise
        if message["type"] == "http.disconnect":
            raise MalformedRequest("The connection was closed before the end of the body.")
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size <= limit:
            chunks.append(chunk)
        elif size > _DRAINED_BYTES:
            break
        if not message.get("more_body", False):
            break
    if size > limit:
        raise TooLarge(f"The body is larger than {limit} bytes.")
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def late_at(scope: Scope, timeout_s: float) -> float:
    """The deadline of the body, by the event loop's clock."""
    given: float | None = scope.get(LATE_AT)
    return asyncio.get_running_loop().time() + timeout_s if given is None else given


async def receive_before(receive: Receive, moment: float) -> Message:
    """The next message. Raises SlowBody when the event loop's clock shows `moment`.

    Does the same as `asyncio.timeout_at`, which would add seven microseconds to every click.
    """
    task, loop, was_late = asyncio.current_task(), asyncio.get_running_loop(), False

    def end() -> None:
        nonlocal was_late
        was_late = True
        if task is not None:
            task.cancel()

    timer = loop.call_at(moment, end)
    try:
        return await receive()
    except asyncio.CancelledError:
        if not was_late or task is None or task.uncancel() > 0:
            raise
        raise SlowBody("The body did not arrive in time.", headers={"Connection": "close"}) from None
    finally:
        timer.cancel()
