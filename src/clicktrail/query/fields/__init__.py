"""The field table: one row per field of every resource.

The URL grammar, the SQL, the check of bodies and the OpenAPI document are all made from it.
"""

from clicktrail.query.fields.audit import AUDIT
from clicktrail.query.fields.catalog import BANNER, CLIENT, CLIENT_SECRET, LANGUAGE, LINK, SITE, SIZE, THEME
from clicktrail.query.fields.click import CLICK, REPORTED, VISITOR
from clicktrail.query.fields.field import MAX_CLICK_TEXT, MAX_TEXT, Field, Record, Resource, Source
from clicktrail.query.fields.postback import DELIVERY, POSTBACK, POSTBACK_SECRET
from clicktrail.query.fields.profile import CONTACT, PROFILE
from clicktrail.query.fields.registration import EARNED, IDENTITY, KNOWN_BY, MERGE, REGISTRATION
from clicktrail.query.fields.user import USER

RESOURCES = (
    CLICK,
    PROFILE,
    CONTACT,
    LINK,
    BANNER,
    LANGUAGE,
    SIZE,
    THEME,
    SITE,
    POSTBACK,
    DELIVERY,
    EARNED,
    IDENTITY,
    CLIENT,
    USER,
    AUDIT,
)

__all__ = [
    "AUDIT",
    "BANNER",
    "CLICK",
    "CLIENT",
    "CLIENT_SECRET",
    "CONTACT",
    "DELIVERY",
    "EARNED",
    "IDENTITY",
    "KNOWN_BY",
    "LANGUAGE",
    "LINK",
    "MAX_CLICK_TEXT",
    "MAX_TEXT",
    "MERGE",
    "POSTBACK",
    "POSTBACK_SECRET",
    "PROFILE",
    "REGISTRATION",
    "REPORTED",
    "RESOURCES",
    "SITE",
    "SIZE",
    "THEME",
    "USER",
    "VISITOR",
    "Field",
    "Record",
    "Resource",
    "Source",
]
