"""The cookie of a session: its name, its attributes, the session it finds, and from which pages it is accepted."""

import re
from collections.abc import Mapping
from contextlib import suppress
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from clicktrail.errors import Forbidden, Unauthenticated, Unavailable
from clicktrail.http.endpoint.call import Limits, Services, origin_of
from clicktrail.http.endpoint.hosts import parse_host
from clicktrail.model.people import LONGEST, SEEN_EVERY, SignedIn
from clicktrail.model.times import SECOND
from clicktrail.store.objects.oauth_clients import hash_secret
from clicktrail.store.objects.sessions import find_session, note_use

SECURE_NAME, PLAIN_NAME = "__Host-clicktrail", "clicktrail"
"""Browsers accept the first name only over HTTPS and only for the exact host, so no other host can set it."""
CHALLENGE = {"WWW-Authenticate": "Cookie"}
"""Of refused sessions and sign-ins. No browser opens a dialog for this scheme."""
_OWN_PAGES = frozenset({"same-origin", "none"})
_FORWARDING = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto")
_is_secret = re.compile(r"[A-Za-z0-9_-]{43}\Z", re.ASCII).match
_PORTS = {"http": 80, "https": 443}


def render_cookie(limits: Limits, scope: Mapping[str, Any], headers: Headers, secret: str) -> dict[str, str]:
    """The header that stores the cookie; with an empty secret it deletes the cookie."""
    name = _name(limits, scope, headers)
    age_s = LONGEST // SECOND if secret else 0
    secure = "; Secure" if name == SECURE_NAME else ""
    return {"Set-Cookie": f"{name}={secret}; Path=/; Max-Age={age_s}; HttpOnly; SameSite=Lax{secure}"}


def find_cookie(limits: Limits, scope: Mapping[str, Any], headers: Headers) -> str | None:
    """The value of the session's cookie; None if there is none. Two of them count as a wrong one."""
    if "cookie" not in headers:
        return None
    name = _name(limits, scope, headers)
    pairs = [part.strip().partition("=") for part in ";".join(headers.getlist("cookie")).split(";")]
    found = [value for key, _, value in pairs if key == name]
    return (found[0] if len(found) == 1 else "") if found else None


async def find_signed_in(services: Services, cookie: str) -> SignedIn:
    """The session of a cookie. Notes its use at most once a minute. Raises Unauthenticated.

    The row is read for each request, so a session that ended on another node has ended here as well.
    """
    found = await read_signed_in(services, cookie)
    if found is None:
        raise Unauthenticated("The session has ended; sign in again.", headers=dict(CHALLENGE))
    if services.store.memory.clock.now_us() >= found.seen_time + SEEN_EVERY:
        with suppress(Unavailable):  # a store that can only be read still answers questions
            await services.store.run(note_use, found.session_id)
    return found


async def read_signed_in(services: Services, cookie: str) -> SignedIn | None:
    """The session of a cookie, without noting a use; None if it has ended."""
    return await services.store.run(find_session, hash_secret(cookie)) if _is_secret(cookie) else None


def refuse_other_sites(limits: Limits, scope: Mapping[str, Any], headers: Headers, may_be_silent: bool = False) -> None:
    """Refuses what a page of another site makes a browser send (CSRF). Raises Forbidden.

    `may_be_silent`: a program that has no cookie yet sends neither header.
    """
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None:
        if site not in _OWN_PAGES:
            raise Forbidden(f"A session accepts changes only from its own pages; Sec-Fetch-Site is {site[:20]!r}.")
    elif origin is None:
        if not may_be_silent:
            raise Forbidden("A session needs the header Sec-Fetch-Site or Origin, which browsers send; use a token.")
    elif not _is_same(origin, origin_of(limits, scope, headers.get("host", ""))):
        raise Forbidden(
            "A session accepts changes only from its own pages; the Origin is another one. Behind a proxy, "
            "CLICKTRAIL_PUBLIC_URL must be the address that the browser shows."
        )


def _is_same(origin: str, own: str) -> bool:
    """Whether scheme, host and port are equal. `null`, which browsers send for pages without an origin, never is."""
    try:
        first, second = (
            (each.scheme, each.hostname, each.port or _PORTS.get(each.scheme)) for each in map(urlsplit, (origin, own))
        )
    except ValueError:
        return False
    return first == second and bool(first[1])


def _name(limits: Limits, scope: Mapping[str, Any], headers: Headers) -> str:
    """The name of the cookie: the plain one only for HTTP on a loopback host without a proxy in front."""
    if any(name in headers for name in _FORWARDING):
        return SECURE_NAME
    url = urlsplit(origin_of(limits, scope, headers.get("host", "")))
    return PLAIN_NAME if url.scheme == "http" and is_loopback(url.netloc) else SECURE_NAME


def is_loopback(host: str) -> bool:
    """Whether a host with or without port is this machine itself."""
    name = parse_host(host.encode("latin-1", "replace")) or ""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False
