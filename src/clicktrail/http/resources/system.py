"""Health, metrics, the OpenAPI document and its pages: for operators and integrators."""

import asyncio
import gzip
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib.resources import files
from typing import Annotated, Any, Literal

from msgspec import UNSET, UnsetType
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST

from clicktrail.errors import NotFound
from clicktrail.http.endpoint.call import JSON, Answer, Call, json_answer
from clicktrail.http.endpoint.compression import GZIP, accepts_gzip
from clicktrail.http.endpoint.documents import Document, says
from clicktrail.http.endpoint.operation import PUBLIC, Operation
from clicktrail.model.access import OBSERVERS
from clicktrail.observe.counts import CONTENT_TYPE, OPEN_METRICS
from clicktrail.query.grammar import ANYTHING

_SWAGGER_UI = files("clicktrail") / "web" / "vendor" / "swagger-ui"
ASSETS = {
    "swagger-ui.css": "text/css; charset=utf-8",
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "favicon-32x32.png": "image/png",
}
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Clicktrail API</title>
<link rel="icon" href="{base}/docs/favicon-32x32.png">
<link rel="stylesheet" href="{base}/docs/swagger-ui.css">
</head>
<body>
<div id="docs"></div>
<script src="{base}/docs/swagger-ui-bundle.js"></script>
<script src="{base}/docs/start.js"></script>
</body>
</html>
"""
_START = """SwaggerUIBundle({{
  url: "{base}/openapi.json", dom_id: "#docs", deepLinking: true, docExpansion: "none",
  validatorUrl: null, persistAuthorization: false, tryItOutEnabled: true, defaultModelsExpandDepth: 0,
}});
localStorage.removeItem("authorized");  // a token that an earlier version left there
"""
_POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"
"""The page loads nothing from other hosts, and no other page may embed it. Swagger UI sets inline styles."""


_NO_STORE = {"Cache-Control": "no-store"}


class Health(Document):
    """The state of the server."""

    status: Annotated[Literal["ok", "degraded"], says("Whether the server can do its work.", "ok")]
    reasons: Annotated[
        list[Annotated[str, says("A sentence.", "The disk of the store is full.")]] | UnsetType,
        says("The reasons, if the status is `degraded`."),
    ] = UNSET


OpenApi = Annotated[
    dict[str, Any],
    says("An OpenAPI document.", extra_json_schema={"additionalProperties": True, "example": {"openapi": "3.1.0"}}),
]


async def get_health(call: Call) -> Answer:
    reasons = await call.services.health.troubles()
    health = Health(status="degraded" if reasons else "ok", reasons=reasons or UNSET)
    return json_answer(health, headers=_NO_STORE)


async def get_readiness(call: Call) -> Answer:
    """Raises Unavailable if the server cannot do its work now."""
    await call.services.health.refuse_unready()
    return json_answer(Health(status="ok"), headers=_NO_STORE)


async def get_metrics(call: Call) -> Answer:
    await call.services.health.measure()
    body, media_type = await call.services.observer.render(call.headers.get("accept", ""))
    return Answer(200, body, media_type, {"Vary": "Accept"})


async def get_openapi(call: Call) -> Answer:
    return await _shared(call, call.services.openapi(), JSON)


async def get_docs(call: Call) -> Answer:
    """The page works without internet access."""
    headers = {"Content-Security-Policy": _POLICY}
    return Answer(200, _PAGE.format(base=_base(call)).encode(), "text/html; charset=utf-8", headers)


async def get_docs_asset(call: Call) -> Answer:
    name = call.path["file"]
    if name == "start.js":
        return Answer(200, _START.format(base=_base(call)).encode(), "text/javascript; charset=utf-8")
    if name not in ASSETS:
        raise NotFound("There is no such file.")
    headers = {"Cache-Control": "public, max-age=86400"}
    if name.endswith(".png"):
        return Answer(200, _read(name), ASSETS[name], headers)
    return await _shared(call, _read(name), ASSETS[name], headers)


@cache
def _read(name: str) -> bytes:
    return (_SWAGGER_UI / name).read_bytes()


@lru_cache(maxsize=8)
def _compress(body: bytes) -> bytes:
    return gzip.compress(body, 6, mtime=0)


async def _shared(call: Call, body: bytes, media_type: str, headers: Mapping[str, str] | None = None) -> Answer:
    """An answer that is the same for all. Anyone may ask for it, so no request costs its compression or its memory."""
    headers = {**(headers or {}), "Vary": "Accept-Encoding"}
    if not accepts_gzip(call.headers.get("accept-encoding", "")):
        return Answer(200, body, media_type, headers)
    return Answer(200, await asyncio.to_thread(_compress, body), media_type, {**headers, "Content-Encoding": GZIP})


def _base(call: Call) -> str:
    return call.services.limits.base_path.rstrip("/")


OPERATIONS = (
    Operation(
        route="GET /health",
        handler=get_health,
        name="getHealth",
        summary="Get the state of the server, and the reasons if it is degraded",
        scopes=PUBLIC,
        answer=Health,
    ),
    Operation(
        route="GET /health/ready",
        handler=get_readiness,
        name="getReadiness",
        summary="Check whether the server can do its work now",
        scopes=PUBLIC,
        answer=Health,
        statuses=(200, 503),
    ),
    Operation(
        route="GET /metrics",
        handler=get_metrics,
        name="getMetrics",
        summary="Metrics for Prometheus",
        scopes=OBSERVERS,
        media_type=CONTENT_TYPE,
        other_types=(OPEN_METRICS,),
        samples={
            kind: f'clicktrail_clicks_total{{outcome="recorded"}} 81.0\n{end}'
            for kind, end in ((CONTENT_TYPE, ""), (CONTENT_TYPE_LATEST, "# EOF\n"))
        },
    ),
    Operation(
        route="GET /openapi.json",
        handler=get_openapi,
        name="getOpenApi",
        summary="This document",
        scopes=PUBLIC,
        query=ANYTHING,
        answer=OpenApi,
    ),
    Operation(
        route="GET /docs",
        handler=get_docs,
        name="getDocs",
        summary="Interactive documentation",
        scopes=PUBLIC,
        query=ANYTHING,
        media_type="text/html; charset=utf-8",
        samples={"text/html; charset=utf-8": "<!doctype html>"},
    ),
    Operation(
        route="GET /docs/{file}",
        handler=get_docs_asset,
        name="getDocsFile",
        summary="A file of the documentation",
        scopes=PUBLIC,
        query=ANYTHING,
        media_type="*/*",
        samples={"text/javascript; charset=utf-8": "SwaggerUIBundle({})", "text/css; charset=utf-8": "body {}"},
        statuses=(200, 404),
    ),
)
