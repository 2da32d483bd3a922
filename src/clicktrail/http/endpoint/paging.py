"""The headers of a list: the link to its next page (RFC 8288) and its exact count (RFC 7240)."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from clicktrail.http.endpoint.audit import tell
from clicktrail.http.endpoint.call import COUNT_EXACT, Answer, Call, encode
from clicktrail.query.cursors import render_cursor
from clicktrail.store.reads.records import Page

_TURN_BYTES = 256 * 1024
"""Text that is made in one turn of the event loop: a page may have 13 MB."""


async def page_answer(call: Call, page: Page, render: Callable[[Any], Any], path: str = "") -> Answer:
    """An array of objects with `Link`, and with `X-Total-Count` if the caller preferred it."""
    query = call.asked.listing
    tell(call, count=len(page.items))
    headers = {"Vary": "Accept-Language"}
    if page.next is not None:
        cursor = render_cursor(query.sort, query.is_descending, page.next)
        headers["Link"] = next_link(call, path or query.resource.path, cursor)
    if page.total is not None:
        headers |= {"X-Total-Count": str(page.total), "Preference-Applied": COUNT_EXACT}
    return Answer(200, await encode_list(map(render, page.items)), headers=headers)


async def encode_list(documents: Iterable[Any]) -> bytes:
    """A JSON array. Others have their turn meanwhile."""
    parts, size = list[bytes](), 0
    for document in documents:
        parts.append(encode(document))
        size += len(parts[-1])
        if size >= _TURN_BYTES:
            size = 0
            await asyncio.sleep(0)
    return b"[%s]" % b",".join(parts)


def next_link(call: Call, path: str, cursor: str) -> str:
    """The value of the `Link` header: the same request from `cursor` on, without what only a first page can have."""
    kept = [pair for pair in call.query.split(b"&") if pair and pair.split(b"=")[0] not in _OF_FIRST_PAGES]
    query = b"&".join([*kept, b"cursor=" + cursor.encode()]).decode("ascii", "ignore")
    return f'<{call.url(path)}?{query.translate(_UNSAFE)}>; rel="next"'


_OF_FIRST_PAGES = (b"cursor", b"offset", b"other")
"""`other` of a report is about the groups beyond its first page."""
_UNSAFE = str.maketrans({character: f"%{ord(character):02X}" for character in '<>"{}|\\^` '})
"""Characters that would end the URL in a header. If a caller sent them raw, the answer escapes them."""
