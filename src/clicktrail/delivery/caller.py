"""One attempt to send a postback: signed, limited in time and size, without following redirects."""

import asyncio
from typing import NamedTuple

import can_ada
import httpcore

from clicktrail import __version__
from clicktrail.delivery.connections import Connections
from clicktrail.delivery.lookups import LONGEST_S, OWNER, Lookups, Resolver, UnusableName, look_up
from clicktrail.delivery.signing import sign
from clicktrail.delivery.targets import Networks, RefusedTarget
from clicktrail.model.clock import SYSTEM_CLOCK, Clock
from clicktrail.model.postbacks import Message, render_body, render_uri
from clicktrail.store.outbox.deliveries import Target

_MAX_ERROR = 255
_UNUSABLE = "{} was not found, or has an address that is not a public address"
_GONE = 410
"""The partner will never accept anything at this address again (Standard Webhooks)."""


class Attempt(NamedTuple):
    """The result of an attempt. Without an error it was delivered. A final failure is not retried."""

    uri: str
    response_status: int | None
    error: str | None
    is_final: bool
    seconds: float
    reason: str | None = None
    """What exactly was wrong with a host name. Partners do not learn it: it shows whether an internal name exists."""


class Caller:
    """Calls the servers of partners. A call takes at most `timeout_s`."""

    def __init__(
        self,
        allowed: Networks,
        timeout_s: float,
        connections: int,
        clock: Clock = SYSTEM_CLOCK,
        resolver: Resolver = look_up,
    ) -> None:
        self._timeout_s = timeout_s
        self._clock = clock
        self._lookups = Lookups(resolver, min(LONGEST_S, timeout_s / 2), clock)
        self._connections = Connections(allowed, connections, self._lookups)

    async def call(self, target: Target, message: Message) -> Attempt:
        """Sends one message. Never raises for a failure of the other side."""
        started = self._clock.passed_s()
        uri = render_uri(target.uri, message)
        status, error, is_final, reason = None, None, False, None
        OWNER.set(target.owner or "")
        try:
            async with asyncio.timeout(self._timeout_s):
                status = await self._connections.send(_request(uri, target, message, int(self._clock.unix_s())))
        except RefusedTarget as refused:
            error, is_final = str(refused), True
        except UnusableName as unusable:
            error, reason = _UNUSABLE.format(can_ada.parse(uri).hostname), str(unusable)
        except (TimeoutError, httpcore.TimeoutException):
            error = f"no answer within {self._timeout_s:g} s"
        except (httpcore.NetworkError, OSError) as failed:
            error = f"cannot be reached: {failed}"
        except Exception as failed:  # noqa: BLE001 - any failure of the other side is reported, and retried
            error = f"cannot be talked to: {type(failed).__name__}: {failed}"
        if status is not None and not 200 <= status < 300:
            error, is_final = f"answered {status}", status == _GONE
        return Attempt(
            uri=uri,
            response_status=status,
            error=error and error[:_MAX_ERROR],
            is_final=is_final,
            reason=reason and reason[:_MAX_ERROR],
            seconds=self._clock.passed_s() - started,
        )

    async def close(self) -> None:
        """Closes the kept connections, and gives up look-ups."""
        self._lookups.close()
        await self._connections.close()


def _request(uri: str, target: Target, message: Message, now_s: int) -> httpcore.Request:
    """A POST is signed by its body. A GET has no body, so its path and query are signed."""
    parsed = can_ada.parse(uri)
    path = (parsed.pathname + parsed.search).encode()
    body = render_body(message) if target.method == "POST" else b""
    headers = {
        "host": parsed.host,
        "user-agent": f"Clicktrail/{__version__}",
        "accept": "*/*",
        **sign(target.secret, message.delivery_id, now_s, body or path),
    }
    if body:
        headers |= {"content-type": "application/json", "content-length": str(len(body))}
    host = parsed.hostname.strip("[]").encode()
    url = httpcore.URL(scheme=b"https", host=host, port=int(parsed.port or 443), target=path)
    return httpcore.Request(target.method, url, headers=list(headers.items()), content=body)
