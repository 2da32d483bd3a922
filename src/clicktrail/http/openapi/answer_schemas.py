"""JSON Schemas of the answers that are not made of a resource's fields."""

from collections.abc import Mapping

from clicktrail.http.openapi.schema_parts import (
    CLICK_ID,
    TEXT,
    TIME,
    Json,
    count_of,
    maybe,
    object_of,
    or_null,
    ref,
    text_of,
)
from clicktrail.http.resources.tokens import GRANT, GRANT_TYPE, OAUTH_ERRORS
from clicktrail.ingest.hits import MAX_BATCH
from clicktrail.model.access import Scope
from clicktrail.model.attribution import Evidence, Outcome, Rule, Touch
from clicktrail.query.fields import KNOWN_BY, REGISTRATION


def country_schema() -> Json:
    """A country in all its codes."""
    texts = {"alpha2": "US", "alpha3": "USA", "numeric": "840", "name": "United States"}
    return object_of({name: text_of(f"ISO 3166-1 {name}.", example) for name, example in texts.items()}, texts)


def attribution_schemas() -> Json:
    """How a client was attributed."""
    click = {
        "clickId": text_of("The click.", CLICK_ID),
        "linkId": maybe("Its link."),
        "time": TIME,
        "evidence": {
            "type": "array",
            "items": {"type": "string", "enum": list(Evidence)},
            "description": "By what it was found.",
        },
        "outcome": {"type": "string", "enum": list(Outcome), "description": "What became of it."},
    }
    document = {
        "attributionId": maybe("The attribution; null where no registration has considered this."),
        "profileId": maybe("The client."),
        "clickId": maybe("The click that earned the client."),
        "linkId": maybe("The link that earned the client."),
        "time": TIME,
        "model": maybe("The model by which the click was chosen.") | {"enum": [*Touch, None]},
        "windowDays": {"type": ["integer", "null"], "description": "How old a click could be.", "examples": [30]},
        "rule": maybe("The rule that decided.") | {"enum": [*Rule, None]},
        "reason": text_of("The decision in a sentence.", "The only click of this visitor."),
        "named": or_null("AttributionNames", "What the registration named."),
        "considered": {
            "type": "array",
            "items": ref("ConsideredClick"),
            "description": "All clicks that were looked at.",
        },
    }
    names = {name: maybe(REGISTRATION[name].doc) for name in KNOWN_BY}
    return {
        "Attribution": object_of(document, document),
        "AttributionNames": object_of(names, names),
        "ConsideredClick": object_of(click, click),
    }


def postback_test_schema() -> Json:
    """What came of a test."""
    properties = {
        "deliveryId": text_of("The id that was sent as `webhook-id`.", CLICK_ID),
        "uri": text_of("The URL that was called.", "https://tracker.example.org/postback?event=test"),
        "responseStatus": {"type": ["integer", "null"], "description": "What it answered.", "examples": [200]},
        "error": maybe("What was wrong."),
        "milliseconds": count_of("How long it took."),
    }
    return object_of(properties, properties)


def batch_schemas() -> Json:
    """The body of POST /clicks/batch, and its two answers: for all, or for each row."""
    counts = {"created": count_of("Clicks that are new."), "repeated": count_of("Clicks that were known.")}
    ids = {"type": "array", "items": text_of("A click's id.", CLICK_ID), "description": "The clicks, row by row."}
    summary = {**counts, "clickIds": ids}
    result = {
        "status": {"type": "integer", "enum": [200, 201, 409, 422], "description": "The status that it has alone."},
        "clickId": text_of("The click, where there is one.", CLICK_ID),
        "errors": {"type": "array", "items": ref("Mistake"), "description": "What is wrong with the row."},
    }
    results = {"type": "array", "items": ref("ClickBatchRowResult"), "description": "Row by row."}
    return {
        "ClickBatch": {"type": "array", "items": ref("ClickCreate"), "minItems": 1, "maxItems": MAX_BATCH},
        "ClickBatchRowResult": object_of(result, ["status"]),
        "ClickBatchSummary": object_of(summary, summary),
        "ClickBatchResults": object_of({"results": results}, ["results"]),
        "ClickBatchResult": {"oneOf": [ref("ClickBatchSummary"), ref("ClickBatchResults")]},
    }


def import_schemas() -> Json:
    """The body of POST /imports, objects of any kind, and its answer, a result for each."""
    example = {"profileId": "6006dda272f002519c3eb504", "firstName": "Ada", "lastName": "Partner"}
    result = {
        "status": {"type": "integer", "enum": [200, 201, 409, 422], "description": "What became of it."},
        "id": maybe("Its id here."),
        "errors": {"type": "array", "items": ref("Mistake"), "description": "What is wrong with it."},
        "notes": {"type": "array", "items": TEXT, "description": "What was left out of it.", "examples": [[]]},
    }
    results = {"type": "array", "items": ref("ImportRowResult"), "description": "Row by row."}
    return {
        "ImportObject": {"type": "object", "additionalProperties": True, "example": example},
        "ImportBatch": {"type": "array", "items": ref("ImportObject"), "minItems": 1, "maxItems": MAX_BATCH},
        "ImportRowResult": object_of(result, ["status", "id"]),
        "ImportResult": object_of({"results": results}, ["results"]),
    }


def mistake_schema() -> Json:
    """One thing that was wrong."""
    places = {"pointer": "Where in the body (RFC 6901).", "parameter": "Which parameter of the query string."}
    properties = {name: text_of(text) for name, text in places.items()}
    return object_of(
        {**properties, "detail": text_of("What is wrong, and what is allowed.", "is required")}, ["detail"]
    )


def problem_schema() -> Json:
    """RFC 9457, with the list of mistakes."""
    properties: Json = {
        "type": text_of("The kind of problem, for programs.", "urn:clicktrail:problem:invalid"),
        "title": text_of("The kind of problem, for people.", "Invalid content"),
        "status": {"type": "integer", "description": "The HTTP status.", "examples": [422]},
        "detail": text_of("What was wrong here.", "The body is not valid."),
        "errors": {"type": "array", "items": ref("Mistake"), "description": "Every mistake."},
    }
    required = list(properties)
    properties["error"] = {
        "type": "string",
        "enum": list(OAUTH_ERRORS),
        "description": "POST /tokens alone: the error of RFC 6749.",
    }
    properties["error_description"] = text_of(
        "POST /tokens alone: the error in a sentence.", "The scope is not allowed."
    )
    return object_of(properties, required)


def metrics_schema() -> Json:
    """A link's figures."""
    properties = {
        "clicks": count_of("Clicks, without robots unless they were asked for."),
        "uniqueClicks": count_of("Visitors."),
        "registrations": count_of("Clients."),
        "conversionRate": {
            "type": "string",
            "pattern": r"^[0-9]+\.[0-9]{2}$",
            "description": "Registrations per hundred clicks.",
            "examples": ["12.50"],
        },
        "firstClickTime": TIME,
        "lastClickTime": TIME,
    }
    return object_of(properties, properties)


def removal_schema() -> Json:
    """What came of a removal by filters."""
    properties = {
        "dryRun": {"type": "boolean", "description": "Whether nothing was deleted in truth."},
        "deleted": count_of("How many were deleted, or would be."),
        "left": count_of("How many more the filters found when it began."),
    }
    return object_of(properties, properties)


def banner_filters_schemas() -> Json:
    """The facets in use."""
    found, facets = {}, {}
    for word, example in (("language", "en"), ("size", "200x200"), ("theme", "Dark")):
        name = f"{word.capitalize()}Facet"
        item = {f"{word}Id": text_of(f"The {word}.", CLICK_ID), f"{word}Name": text_of("Its name.", example)}
        found[name] = object_of(item, item)
        facets[f"{word}s"] = {"type": "array", "items": ref(name), "description": f"Every {word} that a banner has."}
    return {"BannerFilters": object_of(facets, facets), **found}


def grant_schema() -> Json:
    """The body of POST /tokens; what is not named here is ignored."""
    properties: Json = {name: text_of(text) for name, text in GRANT.items()}
    properties["grant_type"]["const"] = GRANT_TYPE
    properties["scope"]["enum"] = list(Scope)
    return object_of(properties, ["grant_type"]) | {"example": {"grant_type": GRANT_TYPE, "scope": "write"}}


def token_schema() -> Json:
    """The answer of POST /tokens."""
    properties: Json = {
        "access_token": text_of("What goes into the Authorization header.", "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl"),
        "token_type": {"type": "string", "const": "Bearer", "description": "How it is sent."},
        "expires_in": {"type": "integer", "description": "Seconds.", "examples": [600]},
        "scope": text_of("What it may do.", "write"),
    }
    return object_of(properties, properties)


def health_schema() -> Json:
    """The answer of GET /health."""
    reason = text_of("What keeps the server from its work.", "The disk of the store is full.")
    properties: Json = {
        "status": {"type": "string", "enum": ["ok", "degraded"], "description": "Whether it can do its work."},
        "reasons": {"type": "array", "items": reason, "description": "Of what is `degraded`."},
    }
    return object_of(properties, ["status"])


DOCS: Mapping[str, str] = {
    "Revocations": "The ids of tokens that were revoked, the newest first.",
    "ClickReplace": "The client who came through a click, in full: inside `profile`, or by itself.",
    "ClickReplaceFields": "The client who came through a click, in full.",
    "ClickReplaceWrapped": "The client who came through a click, in full, inside `profile`.",
    "ClickUpdate": "What is new about the client who came through a click: inside `profile`, or by itself.",
    "ClickUpdateFields": "What is new about the client who came through a click.",
    "ClickUpdateWrapped": "What is new about the client who came through a click, inside `profile`.",
    "ClickBatch": "Clicks to record.",
    "ClickBatchResult": "What became of a batch: as a whole, or row by row with `Prefer: handling=lenient`.",
    "ClickBatchResults": "What became of a batch, row by row.",
    "ClickBatchRowResult": "What became of one row.",
    "ClickBatchSummary": "What became of a batch that was stored whole.",
    "ImportObject": "A profile, link, banner or click as the server that it comes from shows it.",
    "ImportBatch": "Objects of another server.",
    "ImportRowResult": "What became of one object.",
    "ImportResult": "What became of each object.",
    "OAuthClientSecret": "An OAuth client with its secret, which is shown this once.",
    "PostbackSecret": "A postback with its secret, which is shown this once.",
    "PostbackTest": "What came of a made-up event.",
    "Replayed": "How many deliveries are sent again.",
    "Country": "A country in all its codes (ISO 3166-1), with its name in the language of Accept-Language.",
    "NumericCountry": "A country's three digits (ISO 3166-1).",
    "Mistake": "One thing that was wrong, and where.",
    "Problem": "A refusal (RFC 9457) that names every mistake at once.",
    "LinkMetrics": "The figures of a link.",
    "Removal": "What came of deleting by filters.",
    "BannerFilters": "The languages, sizes and themes that banners have.",
    "LanguageFacet": "A language that a banner has.",
    "SizeFacet": "A size that a banner has.",
    "ThemeFacet": "A theme that a banner has.",
    "Health": "The server lives.",
    "Grant": "What POST /tokens is asked for; unknown members are ignored (RFC 6749).",
    "Token": "An access token.",
    "Revocation": "Which token ends.",
    "OpenApi": "An OpenAPI document.",
    "View": "A view of a page of the operator's own site.",
    "ViewAnswer": "The click that the view became.",
    "RegistrationCreate": "A registration; at least one of `clickId`, `visitorId`, `uuid` and `code` says how.",
    "Attribution": "Which click earned a client, and why.",
    "AttributionNames": "What a registration named.",
    "ConsideredClick": "A click that was looked at, and its outcome.",
    "ProfileMerge": "The profile that becomes a part of another one.",
    "IdentityCreate": "Whose a browser is.",
    "Identity": "Whose a browser is.",
}
"""Schemas that are not made of a resource's fields -> what they are."""
