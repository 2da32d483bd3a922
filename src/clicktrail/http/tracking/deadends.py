"""The page that a person sees if a tracking link cannot be followed. It is small, and loads nothing."""

import hashlib
from base64 import b64encode
from collections.abc import Mapping

from clicktrail.errors import ClicktrailError, Gone, NotFound, TooManyRequests
from clicktrail.http.endpoint.call import Answer
from clicktrail.model.weights import parse_weights

MEDIA_TYPE = "text/html; charset=utf-8"
NEVER_KEPT = {"Cache-Control": "no-store, private", "Vary": "Accept"}
"""Caches must not keep this answer: the link may soon lead to a page, and programs get another answer."""
_TEXTS: Mapping[type[ClicktrailError], tuple[str, str]] = {
    NotFound: ("This link does not exist", "Check the address for a typing mistake, or ask whoever gave it to you."),
    Gone: ("This link is no longer in use", "Whoever gave it to you may have a newer one."),
    TooManyRequests: ("Too many visits", "Please try again in a minute."),
}
_OTHERWISE = ("This link cannot be followed right now", "Please try again in a moment.")
_STYLE = (
    ":root{color-scheme:light dark}"
    "body{margin:0;min-height:100vh;display:grid;place-items:center;"
    "font:1.05rem/1.5 system-ui,sans-serif;background:#f6f7f9;color:#1c2128}"
    "main{max-width:30rem;padding:2rem;text-align:center}"
    "h1{font-size:1.5rem;line-height:1.25;margin:0 0 .75rem}"
    "p{margin:0;color:#57606a}"
    "@media(prefers-color-scheme:dark){body{background:#14171c;color:#e6e8eb}p{color:#a3abb5}}"
)
_PAGE = (
    '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    '<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta name="robots" content="noindex">\n'
    f"<title>{{title}}</title>\n<style>{_STYLE.replace('{', '{{').replace('}', '}}')}</style>\n</head>\n"
    "<body>\n<main>\n<h1>{title}</h1>\n<p>{advice}</p>\n</main>\n</body>\n</html>\n"
)
_STYLE_HASH = b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS = {
    **NEVER_KEPT,
    "Content-Language": "en",
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
}


def is_person(accept: str) -> bool:
    """Whether an Accept header comes from a browser: browsers name HTML; programs accept anything, or name nothing."""
    return parse_weights(accept).get("text/html", 0.0) > 0


def render_page(error: ClicktrailError) -> Answer:
    """The page of a refusal. It contains nothing from the request."""
    title, advice = _TEXTS.get(type(error), _OTHERWISE)
    body = _PAGE.format(title=title, advice=advice).encode()
    return Answer(error.status, body, MEDIA_TYPE, {**error.headers, **_HEADERS})
