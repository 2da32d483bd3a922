"""GET /links/{linkId}/qr: a tracking link as a QR code, for print."""

import io

import segno

from clicktrail.http.endpoint.call import Answer, Call
from clicktrail.query.fields import LINK
from clicktrail.query.parse import parse_format
from clicktrail.store.reads.records import get_record

FORMATS = {"svg": "image/svg+xml", "png": "image/png"}
"""Format -> media type."""
_SCALE = 8
"""Pixels of a module in PNG; SVG scales by itself."""


async def get_link_qr(call: Call) -> Answer:
    """Get a link as a QR code."""
    kind = parse_format(call.query, LINK, tuple(FORMATS), call.reading)
    link = await call.ask(get_record, call.viewer, LINK, call.path["linkId"])
    out = io.BytesIO()
    segno.make_qr(call.link_url(link["code"]), error="m").save(out, kind=kind, scale=_SCALE)
    return Answer(200, out.getvalue(), FORMATS[kind])
