"""Serves the dashboard: one page for all its paths, and the files that the page loads."""

from functools import cache
from html import escape

from clicktrail.errors import NotFound
from clicktrail.http.endpoint.call import Answer, Call, Handler
from clicktrail.http.endpoint.compression import GZIP, accepts_gzip
from clicktrail.http.endpoint.operation import PUBLIC, Operation
from clicktrail.http.tracking.redirects import BANNER_PREFIX
from clicktrail.http.web.files import ROOT, load_files, modules_of
from clicktrail.query.grammar import ANYTHING
from clicktrail.store.objects.users import has_admin

START = "app/main.js"
FIRST_PAGE = "app/pages/overview.js"
STYLES = ("app/app.css", "vendor/uplot/uplot.css")
_HTML = "text/html; charset=utf-8"
_FOR_EVER = "public, max-age=31536000, immutable"
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
"""The page runs only its own files, asks only its own server, and no page may embed it."""
_PAGE_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cache-Control": "no-cache",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


async def get_page(call: Call) -> Answer:
    """The same page for every path: the script reads the path."""
    return _render(call)


async def get_welcome(call: Call) -> Answer:
    """The page of an invitation. The first admin also chooses a name, so the page knows whether there is an admin."""
    return _render(call, is_first=not await call.store.run(has_admin))


def _render(call: Call, is_first: bool = False) -> Answer:
    limits = call.services.limits
    page = _template().format(
        assets=f"{limits.base_path.rstrip('/')}/assets/{load_files().version}",
        zone=escape(str(limits.reading.zone)),
        links=escape(call.link_url("")),
        banners=escape(
            call.link_url("") + f"{BANNER_PREFIX[1:]}/" if limits.link_hosts else call.url(f"{BANNER_PREFIX}/")
        ),
        first="yes" if is_first else "no",
    )
    return Answer(200, page.encode(), _HTML, _PAGE_HEADERS)


@cache
def _template() -> str:
    """The page, with the tags for what the first view loads, so that the browser asks for all of it at once."""
    by_path = load_files().by_path
    scripts = dict.fromkeys([*modules_of(START, by_path), *modules_of(FIRST_PAGE, by_path)])
    tags = [f'<link rel="stylesheet" href="{{assets}}/{path}">' for path in STYLES]
    tags += [f'<link rel="modulepreload" href="{{assets}}/{path}">' for path in scripts]
    return (ROOT / "app" / "index.html").read_text().replace("{head}", "\n".join(tags))


async def get_file(call: Call) -> Answer:
    """Raises NotFound for a file of another version: the page that asks for it has to be loaded again."""
    files = load_files()
    file = files.by_path.get(call.path["file"]) if call.path["version"] == files.version else None
    if file is None:
        raise NotFound("This version of Clicktrail has no such file.")
    headers = {"Cache-Control": _FOR_EVER, "Vary": "Accept-Encoding"}
    if not accepts_gzip(call.headers.get("accept-encoding", "")):
        return Answer(200, file.body, file.media_type, headers)
    return Answer(200, file.gzipped, file.media_type, {**headers, "Content-Encoding": GZIP})


def _page(path: str, name: str, handler: Handler = get_page) -> Operation:
    return Operation(
        route=f"GET {path}",
        handler=handler,
        name=name,
        summary="The dashboard",
        scopes=PUBLIC,
        query=ANYTHING,
        media_type=_HTML,
    )


PAGES = (
    _page("/dashboard", "getDashboard"),
    _page("/dashboard/{file:path}", "getDashboardPage"),
    _page("/welcome", "getWelcome", get_welcome),
    Operation(
        route="GET /assets/{version}/{file:path}",
        handler=get_file,
        name="getAsset",
        summary="A file of the dashboard",
        scopes=PUBLIC,
        query=ANYTHING,
        media_type="*/*",
        statuses=(200, 404),
    ),
)
"""For people, in a browser. They are no part of the API, so the OpenAPI document leaves them out."""
