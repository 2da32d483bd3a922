"""Kinds of field: how a value is read from a filter, checked in a body, rendered, and described as JSON Schema."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import msgspec

from clicktrail.model import countries, ids, times
from clicktrail.model.access import PEOPLE, ActorKind
from clicktrail.model.addresses import parse_ip, render_ip
from clicktrail.model.clock import Clock
from clicktrail.model.codes import MAX_CODE, PATTERN
from clicktrail.model.people import MAX_PASSWORD, MIN_PASSWORD
from clicktrail.model.postbacks import Event
from clicktrail.model.uris import normalise_page
from clicktrail.query.texts import (
    MAX_ORIGINS,
    MAX_URL_BYTES,
    NO_NUL,
    ORIGIN_PATTERN,
    check_link_code,
    check_new_password,
    check_origins,
    check_page,
    check_postback_uri,
    check_text,
    check_uri,
    check_url,
    check_user_name,
    read_text,
)

MAX_INTEGER = 2**31 - 1
REDIRECTS = (301, 302, 307)
METHODS = ("GET", "POST")
COMMANDS = ("token create", "token rotate-key")
"""Commands that work beside a running server."""
USER_SCOPES = sorted(PEOPLE)
EVENTS = (Event.CLICK, Event.REGISTRATION)
FLAGS: Mapping[Any, bool] = {"1": True, "0": False, "true": True, "false": False}
"""Accepted values of `enabled` in a body, besides true and false. Python treats 1 and 0 as true and false."""
_SIXTEEN_HEX = "^[0-9a-f]{16}$"
_is_token_id = re.compile(r"[0-9a-f]{16}\Z").match

EQUALITY = ("eq", "ne", "in", "null")
ORDER = ("gt", "gte", "lt", "lte")
SEARCH = ("contains", "starts")
OPERATORS = (*EQUALITY, *SEARCH, *ORDER)


@dataclass(frozen=True, eq=False)
class Kind:
    """A kind of value. `read` and `check` raise ValueError. Its text follows the name of the field."""

    name: str
    schema: Mapping[str, Any]
    operators: tuple[str, ...] = OPERATORS
    read: Callable[[str], Any] = str
    """Filter text -> stored value."""
    check: Callable[[Any], Any] = field(default=lambda value: value)
    """Decoded JSON (not null) -> stored value."""
    render: Callable[[Any], Any] | None = None
    """Stored value (not null) -> JSON value; None if they are the same."""
    stored: type = str
    """The type of a column of this kind."""
    renew: Callable[[Any], Any] | None = None
    """Stored value (not null) that an earlier version did not check -> its form after `check`."""
    refuse_future: Callable[[Any, Clock], None] | None = None
    """Raises ValueError for a checked value of a later time than now, with a tolerance for clocks that differ."""


def check_ip(value: Any) -> str:
    return parse_ip(check_text(value))


def check_time(value: Any) -> int:
    """An ISO 8601 time, or a Unix time as a number or a text -> microseconds."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return times.parse_unix(str(value)) if is_number else times.parse_time(check_text(value))


def refuse_future_time(time: int, clock: Clock) -> None:
    if time > clock.now_us() + times.MAX_AHEAD_S * times.SECOND:
        raise ValueError(f"is more than {times.MAX_AHEAD_S} seconds in the future")


def check_id(value: Any) -> str:
    """A well-formed id in any letter case. Only the store knows whether the object exists."""
    if isinstance(value, str):
        lowered = value.lower()
        if ids.is_id(lowered):
            return lowered
    raise ValueError("must be 24 hex digits")


def refuse_future_id(click_id: str, clock: Clock) -> None:
    """The first bytes of an id are a time."""
    if ids.created_s(click_id) > clock.unix_s() + times.MAX_AHEAD_S:
        raise ValueError(f"begins with a time that is more than {times.MAX_AHEAD_S} seconds in the future")


def check_token_id(value: Any) -> str:
    """The id of a token (`jti`), not the name of its owner."""
    if not isinstance(value, str) or not _is_token_id(value.lower()):
        raise ValueError("must be 16 hex digits")
    return value.lower()


def check_flag(value: Any) -> bool:
    """True or false; also the numbers and texts that PHP and forms send for them."""
    flag = FLAGS.get(value) if isinstance(value, str) else value
    if isinstance(flag, bool):
        return flag
    if isinstance(flag, int) and flag in (0, 1):
        return bool(flag)
    raise ValueError("must be true or false")


def check_integer(value: Any) -> int:
    """A whole number of pixels. JSON has only one number type, so 5.0 is 5."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
        raise ValueError("must be a whole number")
    if not 0 <= value <= MAX_INTEGER:
        raise ValueError(f"must be from 0 to {MAX_INTEGER}")
    return int(value)


def check_redirect(value: Any) -> int:
    """A status that redirects and keeps the method of GET."""
    if isinstance(value, bool) or value not in REDIRECTS:
        raise ValueError(f"must be one of {', '.join(map(str, REDIRECTS))}")
    return int(value)


def one_of(words: Sequence[str]) -> Callable[[Any], str]:
    """The check of a text that is one of a few words."""

    def check(value: Any) -> str:
        if value not in words:
            raise ValueError(f"must be one of {', '.join(words)}")
        return str(value)

    return check


def check_events(value: Any) -> str:
    """A list of the events that a postback reports -> the words, separated by spaces."""
    if not isinstance(value, list) or not value or any(each not in EVENTS for each in value):
        raise ValueError(f"must be an array of {', '.join(EVENTS)}")
    return " ".join(event for event in EVENTS if event in value)


def check_numeric_country(value: Any) -> str:
    """ISO 3166-1 numeric -> alpha-2."""
    country = countries.BY_NUMERIC.get(value) if isinstance(value, str) else None
    if country is None:
        raise ValueError('must be a three-digit ISO 3166-1 code such as "840"')
    return country.alpha2


def read_flag(text: str) -> bool:
    """`1` or `0`; also `true` and `false`, `True` and `False`."""
    value = {**FLAGS, "True": True, "False": False}.get(text)
    if value is None:
        raise ValueError("must be 1 or 0")
    return value


_is_number = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)\Z", re.ASCII).match


def read_number(text: str) -> float:
    """Decimal degrees; 37.7510 and 37.751 are one number."""
    if len(text) > 32 or not _is_number(text):
        raise ValueError("must be a decimal number")
    return float(text)


def read_integer(text: str) -> int:
    """A whole number of at most nine digits."""
    if len(text) > 9 or not text.isascii() or not text.isdigit():
        raise ValueError("must be a whole number of at most nine digits")
    return int(text)


@lru_cache(maxsize=16_384)
def render_degrees(value: float) -> str:
    """Decimal degrees as text without trailing zeros: 37.751 -> "37.751", 10.0 -> "10"."""
    return f"{value:.6f}".rstrip("0").rstrip(".")


_ORDERED = (*EQUALITY, *ORDER)

ID = Kind("id", {"type": "string", "pattern": ids.PATTERN}, operators=_ORDERED, read=check_id, check=check_id)
CLICK_ID = replace(ID, refuse_future=refuse_future_id)
TOKEN_ID = Kind(
    "token id", {"type": "string", "pattern": _SIXTEEN_HEX}, operators=(), read=check_token_id, check=check_token_id
)
TEXT = Kind("text", {"type": "string", "pattern": NO_NUL}, operators=OPERATORS, read=read_text, check=check_text)
COUNTRY_CODE = replace(TEXT, name="country code", read=lambda text: read_text(text).upper())
URL = Kind(
    "url",
    {"type": "string", "format": "uri", "pattern": "^[hH][tT][tT][pP][sS]?://", "maxLength": MAX_URL_BYTES},
    operators=OPERATORS,
    read=read_text,
    check=check_url,
)
URI = replace(
    URL,
    schema={"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9+.-]+:[^\\u0000-\\u0020\\\\]", "maxLength": MAX_URL_BYTES},
    check=check_uri,
)
PAGE = replace(URL, check=check_page, renew=normalise_page)
CODE = Kind(
    "code",
    {"type": "string", "pattern": PATTERN, "minLength": 1, "maxLength": MAX_CODE},
    operators=OPERATORS,
    read=read_text,
    check=check_link_code,
)
IP = Kind(
    "ip",
    {"type": "string", "anyOf": [{"type": "string", "format": name} for name in ("ipv4", "ipv6")]},
    operators=_ORDERED,
    read=parse_ip,
    check=check_ip,
    render=render_ip,
)
TIME = Kind(
    "time",
    {"type": "string", "format": "date-time"},
    operators=_ORDERED,
    read=times.parse_time,
    check=check_time,
    render=times.render_time,
    stored=int,
)
CLICK_TIME = replace(TIME, refuse_future=refuse_future_time)
DEGREES = Kind(
    "degrees",
    {"type": "string", "pattern": r"^-?\d{1,3}(\.\d+)?$"},
    _ORDERED,
    read_number,
    render=render_degrees,
    stored=float,
)
INTEGER = Kind(
    "integer",
    {"type": "integer", "minimum": 0, "maximum": MAX_INTEGER},
    operators=_ORDERED,
    read=read_integer,
    check=check_integer,
    stored=int,
)
REDIRECT = Kind(
    "redirect",
    {"type": "integer", "enum": list(REDIRECTS)},
    operators=(),
    read=read_integer,
    check=check_redirect,
    stored=int,
)
ORIGINS = Kind(
    "origins",
    {"type": "array", "items": {"type": "string", "pattern": ORIGIN_PATTERN}, "minItems": 1, "maxItems": MAX_ORIGINS},
    (),
    check=check_origins,
    render=str.split,
)
METHOD = Kind(
    "method", {"type": "string", "enum": list(METHODS)}, operators=EQUALITY, read=read_text, check=one_of(METHODS)
)
EVENT_LIST = Kind(
    "events",
    {"type": "array", "items": {"type": "string", "enum": list(EVENTS)}, "minItems": 1},
    (),
    check=check_events,
    render=str.split,
)
POSTBACK_URI = replace(
    URL, schema={**URL.schema, "format": "uri-template", "pattern": "^https://[\\[A-Za-z0-9]"}, check=check_postback_uri
)
FLAG = Kind("flag", {"type": "boolean"}, operators=EQUALITY, read=read_flag, check=check_flag, stored=bool)
COUNTRY_NAME = Kind("country name", {"type": "string"}, OPERATORS, read_text)
NUMERIC_COUNTRY = Kind(
    "numeric country code",
    {"type": "string", "pattern": "^[0-9]{3}$"},
    operators=EQUALITY,
    read=check_numeric_country,
    check=check_numeric_country,
    render=lambda alpha2: countries.BY_ALPHA2[alpha2].numeric,
)
TAGS = Kind("tags", {"type": "array"}, OPERATORS, read_text)
CONTACTS = Kind("contacts", {"type": "array"}, OPERATORS, read_text)
CLIENT = Kind("client", {"type": "object"}, ())
COUNTRY = Kind("country", {"type": "object"}, ())
USER_NAME = replace(TEXT, name="name of a user", schema={**TEXT.schema, "minLength": 1}, check=check_user_name)
USER_SCOPE = replace(
    TEXT, name="scope of a user", schema={"type": "string", "enum": USER_SCOPES}, check=one_of(USER_SCOPES)
)
ACTOR_KIND = replace(
    TEXT, name="kind of an actor", schema={"type": "string", "enum": list(ActorKind)}, operators=EQUALITY
)
COMMAND = replace(TEXT, name="command", schema={"type": "string", "enum": list(COMMANDS)}, check=one_of(COMMANDS))
DETAIL = Kind("detail", {"type": "object"}, (), render=msgspec.json.decode)
PASSWORD = Kind("password", {**TEXT.schema, "format": "password", "maxLength": MAX_PASSWORD}, (), check=check_text)
NEW_PASSWORD = replace(PASSWORD, schema={**PASSWORD.schema, "minLength": MIN_PASSWORD}, check=check_new_password)
